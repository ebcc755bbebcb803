"""Agreement: do methods tell the same story of a network, and networks the same of a picture?"""

from .between_methods import Agreement, agreement
from .consensus import Consensus, ConsensusOfNetworks, consensus

__all__ = ["Agreement", "Consensus", "ConsensusOfNetworks", "agreement", "consensus"]
