"""The base of all errors that a person at the terminal has to put right."""


class Problem(Exception):
    """Something a person has to change; the message is one clear line a problem, no traceback.

    `exit_status`: 1 when the work failed, 2 for wrong usage or settings.
    """

    exit_status = 1
