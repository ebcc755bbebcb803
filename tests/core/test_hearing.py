"""What the network says of inputs is heard by whoever listens, and nothing else is."""

import torch
from conftest import inputs_for
from networks import ModuleNetwork, seeded

from xaiwidgets.core.activations import outputs_after
from xaiwidgets.core.hearing import hearing, unheard
from xaiwidgets.core.intercept import replacing
from xaiwidgets.core.subject import Subject


def asked():
    return Subject(seeded(ModuleNetwork)), inputs_for("modules", 5)


def test_scores_are_heard_batch_after_batch():
    subject, x = asked()
    with torch.no_grad(), hearing(x) as heard:
        for part in (x[3:], x[:1], x[:2], x[:1]):
            subject(part)
        assert heard.outputs is None  # a row is still missing
        subject(x[2:3].detach().requires_grad_())
    assert torch.equal(heard.outputs, torch.cat([subject(part) for part in x.split((2, 1, 2))]))


def test_other_inputs_are_not_heard():
    subject, x = asked()
    turned = x.flip(-1)
    with torch.no_grad(), hearing(x) as heard:
        for other in (x.clone(), turned, x[:, :, 1:], x.transpose(2, 3), x[::2]):
            subject(other)
    assert heard.outputs is None
    assert not heard._said


def test_what_is_said_with_operations_exchanged_is_not_heard():
    subject, x = asked()
    with torch.no_grad(), hearing(x) as heard:
        with unheard():
            subject(x)
        layer = subject.layers(x)["3"]
        outputs_after(subject, x, layer, torch.zeros(len(x), *layer.shape))
    assert heard.outputs is None


def test_what_comes_after_an_exchanged_layer_or_operation_is_the_networks_own():
    subject, x = asked()
    layer = subject.layers(x)["3"]
    with torch.no_grad(), hearing(x) as heard:
        changed = outputs_after(subject, x, layer, torch.zeros(len(x), *layer.shape))
        with replacing(subject.model, {"relu": lambda operation: -operation.run()}):
            subject(x)
        assert heard.outputs is None
        said = subject(x)
    assert torch.equal(heard.outputs, said)
    assert not torch.allclose(changed, said)
