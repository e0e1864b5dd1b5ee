#!/bin/sh
# Prints the stacks whose files differ between a commit and the one that is checked out, as an output of a workflow's
# step: stacks=["staging"]. Those whose file is gone are left out, and names that no stack can have.
#
# usage: stacks-touched.sh COMMIT
set -eu
files=$(git diff --name-only --diff-filter=d "$1" HEAD -- ':(glob)Pulumi.*.yaml')
names=$(printf '%s\n' "$files" | sed -nE 's/^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/"\1"/p' | paste -s -d , -)
echo "stacks=[$names]"
