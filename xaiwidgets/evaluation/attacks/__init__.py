"""Attacks on explanations: can the map be changed while the prediction stays?"""

from .input_attack import AttackedInput, InputAttack
from .model_manipulation import ManipulatedNetwork, ModelManipulation

__all__ = ["AttackedInput", "InputAttack", "ManipulatedNetwork", "ModelManipulation"]
