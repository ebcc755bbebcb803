"""What a check says of work that it does not let pass."""

import pytest

from xaiwidgets.check import CheckFailed


def told(check, *work, **named):
    """The words of a check that fails, on one line."""
    with pytest.raises(CheckFailed) as failed:
        check(*work, **named)
    return " ".join(str(failed.value).split())
