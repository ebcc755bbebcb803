import numpy as np

from .max_sensitivity import MaxSensitivity


class AverageSensitivity(MaxSensitivity, title="Average sensitivity", source="yeh2019"):
    """How far does a little noise on the picture push the map, on average?

    The mean over draws of ‖R(x + ε) − R(x)‖ ÷ ‖R(x)‖ with ε ~ U[−r, r] and r = `radius` × the
    picture's range: max-sensitivity with a mean in the maximum's place, which more draws make more
    exact rather than larger.

    Use it where the largest of a few draws would be a matter of luck.

    It misleads in favour of maps that never look at the picture: they score 0, the best there is.
    """

    def _gathered(self, changes: np.ndarray) -> np.ndarray:
        return changes.cumsum(1) / np.arange(1, changes.shape[1] + 1)
