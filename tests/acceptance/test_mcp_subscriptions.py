"""Subscriptions as clients have them: the official SDK's, both transports, with and without a handshake; others write meanwhile."""

import asyncio

import pytest

from tests.acceptance.mcp_kit import PATIENCE, Shop, connected, run

LIST = "session://"


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def begin(shop, task):
    with shop.opened() as store:
        store.create(task=task)


async def until(heard, wanted):
    """Return when all that is *wanted* was heard."""
    left = set(wanted)
    while left:
        left.discard(await asyncio.wait_for(heard.get(), PATIENCE))


@pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_sdks_client_hears_what_it_subscribed_to_on_its_connection(shop, transport):
    async def use():
        heard = asyncio.Queue()

        async def hear(message):
            heard.put_nowait((message.method, str(getattr(message.params, "uri", ""))))

        async with connected(shop, transport, "legacy", message_handler=hear) as client:
            offered = client.server_capabilities.resources
            uri = f"session://{shop.name}"
            for one in (uri, LIST):
                await client.subscribe_resource(one)
            await asyncio.to_thread(shop.say, "sell them by weight")
            await until(heard, {("notifications/resources/updated", one) for one in (uri, LIST)})
            await client.unsubscribe_resource(uri)
            await asyncio.to_thread(begin, shop, "sell plums")
            await until(heard, {("notifications/resources/list_changed", "")})
            names = [one.name for one in (await client.list_resources()).resources]
            return offered.subscribe, offered.list_changed, len(names)

    assert run(use()) == (True, True, 3)


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_sdks_client_listens_without_a_handshake(shop, transport):
    async def use():
        from mcp.client.subscriptions import ResourcesListChanged, ResourceUpdated

        async with connected(shop, transport, "auto") as client:
            uris = [f"session://{shop.name}", "session://no-such"]
            async with client.listen(resources_list_changed=True, resource_subscriptions=uris) as listening:
                honoured = listening.honored
                await asyncio.to_thread(shop.say, "sell them by weight")
                first = await asyncio.wait_for(anext(listening), PATIENCE)
                await asyncio.to_thread(begin, shop, "sell plums")
                other = first
                while other != ResourcesListChanged():
                    other = await asyncio.wait_for(anext(listening), PATIENCE)
            names = [one.name for one in (await client.list_resources()).resources]
            return client.protocol_version, honoured, first == ResourceUpdated(uri=uris[0]), len(names)

    version, honoured, updated, names = run(use())
    assert (version, honoured.resources_list_changed, len(honoured.resource_subscriptions)) == ("2026-07-28", True, 1)
    assert (updated, names) == (True, 3)
