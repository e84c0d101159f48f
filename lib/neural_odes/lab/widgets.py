"""``load_model``, which is in ``neural_odes_lab.widgets`` by now."""

from neural_odes.checks import optional

load_model = optional("neural_odes_lab.widgets", "lab").load_model
