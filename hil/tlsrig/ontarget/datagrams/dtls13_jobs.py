"""DTLS 1.3 jobs of the board: what dtls_jobs.py is for DTLS 1.2, with KeyUpdates.

Runs on MicroPython and CPython. What they do not do: judge (the host's oracle does).
"""

import dtls_conversation
import dtls_jobs

from tlscore.connection import EVENT_KEY_UPDATE

_DTLS_1_3 = 0xFEFC


class Conversation(dtls_conversation.Conversation):
    """As in dtls_conversation.py; `key_updates` of the options are sent before as many echoes."""

    is_of_tls12 = False
    version = _DTLS_1_3

    def echo(self, size):
        if self.key_updates_sent < self.options["key_updates"]:
            self.connection.update_keys(True)
            self.key_updates_sent += 1
        dtls_conversation.Conversation.echo(self, size)
        event = self.connection.next_event()
        while event is not None:
            self.key_updates_received += event[0] == EVENT_KEY_UPDATE
            event = self.connection.next_event()


def client(link, options):
    """Run one connection as a client and return what became of it; see dtls_jobs.client."""
    from tlscore.dtls13.client import ClientConnection  # noqa: PLC0415
    from tlscore.dtls13.config import ClientConfig  # noqa: PLC0415

    conversation = Conversation(link, options)
    return dtls_jobs.run_client(conversation, ClientConnection, ClientConfig)


def server(link, options):
    """Run one connection as a server and return what became of it; see dtls_jobs.server."""
    from tlscore.dtls13.listener import Listener  # noqa: PLC0415
    from tlscore.dtls13.server_config import ServerConfig  # noqa: PLC0415

    conversation = Conversation(link, options)
    result = dtls_jobs.run_server(conversation, Listener, ServerConfig)
    connection = conversation.connection
    result["hello_retries"] = int(connection is not None and connection.retried)
    return result
