"""The errors that reach a user as one line: what was wrong, what was expected, what to do."""


class SleepyError(Exception):
    """The work could not be done; the command line prints the message and exits with 1."""

    exit_code = 1


class InputError(SleepyError):
    """Something handed in from outside is malformed: a problem, a result, a configuration.

    The message names the place (file, line, field), the value that was found and the one expected.
    """

    exit_code = 2


class SandboxError(SleepyError):
    """A program could not be run under the confinement that was asked for."""


class WeightsError(SleepyError):
    """Base-model weights are missing, incomplete or not what their checksum says."""


class EpisodeError(SleepyError):
    """The record of verified repairs cannot be read or written."""


class StoreError(SleepyError):
    """A Share store or adapter is malformed, incomplete, or does not fit the model."""
