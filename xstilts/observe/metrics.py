"""Figures of a training on a port, in Prometheus's text format, as long as it trains."""

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from xstilts.errors import UserError
from xstilts.observe.figures import COUNTER, Figures, values
from xstilts.observe.logs import LOG, say
from xstilts.observe.subject import subject

PORT = "XSTILTS_METRICS_PORT"
USUAL_PORT = "9464"  # on a cluster; k8s/components/monitoring reads there
INFO = "xstilts_training_info"
_LABELS = ("study", "stage")
_LAST_PORT = 65535


class _Collector:
    """Reads the figures whenever Prometheus asks for them; what it reads is never waited for."""

    def __init__(self, figures: Figures, facts: Mapping[str, str]) -> None:
        self._figures, self._facts = figures, facts

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        own = [subject().get(name, "") for name in _LABELS]
        info = GaugeMetricFamily(INFO, "What trains, and on what.", labels=[*_LABELS, *self._facts])
        info.add_metric([*own, *self._facts.values()], 1)
        yield info
        for metric, value in values(self._figures).items():
            family = CounterMetricFamily if metric.kind == COUNTER else GaugeMetricFamily
            found = family(metric.name, metric.help, labels=_LABELS)
            found.add_metric(own, value)
            yield found


@contextmanager
def served(figures: Figures, facts: Mapping[str, str]) -> Iterator[None]:
    """Serve `figures` on the port in XSTILTS_METRICS_PORT while the block runs; without it, not.

    `facts` become labels of `xstilts_training_info`. A port that is taken is no reason not to
    train: it is logged.

    Raises:
        UserError: the value is no port, or prometheus-client is not installed.
    """
    port = _port()
    if port is None:
        yield
        return
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    registry.register(_Collector(figures, facts))
    try:
        server, thread = start_http_server(port, registry=registry)
    except OSError as error:
        LOG.warning("this training has no metrics: port %d cannot be used (%s)", port, error)
        yield
        return
    say(f"metrics are served on port {server.server_port}", port=server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _port() -> int | None:
    text = os.environ.get(PORT)
    if not text:
        return None
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise UserError(f"{PORT}={text} is no port: use a number up to {_LAST_PORT}.")
    if importlib.util.find_spec("prometheus_client") is None:
        raise UserError(
            f"{PORT} is set, but prometheus-client is not installed: "
            "pip install 'xstilts[metrics]', or unset the variable."
        )
    return int(text)
