"""Amounts of Kubernetes: all that it takes, as numbers, and numbers for people."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from pipelines.quantities import amount, written


@given(
    st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,3})?([eE][+-]?[0-9]|[KMGTPE]i|[numkMGTPE])?",
                  fullmatch=True)
)  # fmt: skip
def test_quantities_are_read_as_kubernetes_does(text):
    if not text.endswith("E"):  # its client takes 1E for no number
        assert amount(text) == pytest.approx(Fraction(parse_quantity(text)))


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1K", "1GiB", "one", "1e", "--1", None])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="is no quantity of Kubernetes"):
        amount(text)


def test_amounts_for_people():
    assert [written("memory", amount(text)) for text in ("1536Mi", "4Ti", "0", "1000")] == [
        "1.5Gi memory", "4Ti memory", "0 memory", "1000 memory"
    ]  # fmt: skip
    assert written("nvidia.com/gpu", amount("8")) == "8 nvidia.com/gpu"
    assert written("cpu", amount("500m")) == "0.5 cpu"
