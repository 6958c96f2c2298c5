"""Starts MiniStack with the plug-in."""

import os
import sys

from ministack_plugin.settings import SettingsError, read


def main() -> None:
    try:
        settings = read(os.environ)
    except SettingsError as error:
        sys.exit(f"ministack_plugin: {error}")
    # MiniStack executes uploaded code as this user and listens on every interface unless told otherwise.
    os.environ["BIND_HOST"] = "127.0.0.1"

    # Imported here: MiniStack reads its environment while it is imported.
    from ministack import app

    from ministack_plugin import install

    install.install(settings)
    app.main()


if __name__ == "__main__":
    main()
