"""Run the command line as `python -m sleepy_coder`."""

from sleepy_coder.cli import main

if __name__ == "__main__":
    main()
