"""Pages that several tests ask about are walked once."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.detector.serving.harness import free_port
from tests.documents.walk import BARE_SERVER, Walk, programs, serving

Walks = Callable[[str], Walk]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with the programs that documents use."""
    return programs(tmp_path_factory.mktemp("programs") / "bin")


@pytest.fixture(scope="session")
def bare_server(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], str]]:
    """Gives the address of a server with default options, which starts when it is first asked for."""
    with contextlib.ExitStack() as stack:
        addresses: list[str] = []

        def address() -> str:
            if not addresses:
                port = free_port()
                command = f"{BARE_SERVER} --port {port}"
                stack.enter_context(serving(command, tmp_path_factory.mktemp("server"), environment))
                addresses.append(f"127.0.0.1:{port}")
            return addresses[0]

        yield address


@pytest.fixture(scope="session")
def walk(
    environment: dict[str, str], bare_server: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Walks:
    """Gives a page's walk; the first call for a page runs it, and later ones fail as that did."""
    walks: dict[str, Walk] = {}
    failures: dict[str, BaseException] = {}

    def walked(page: str) -> Walk:
        if page in failures:
            pytest.fail(f"the walk through {page} failed before: {failures[page]}")
        if page not in walks:
            walks[page] = Walk(page, tmp_path_factory.mktemp("page"), environment, bare_server)
            try:
                walks[page].run()
            except BaseException as error:
                failures[page] = error
                raise
        return walks[page]

    return walked
