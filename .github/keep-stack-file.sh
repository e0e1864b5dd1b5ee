#!/bin/sh
# Commits what a run has written into a stack's file, and pushes it to the branch that is checked out. Without it the next
# update would go back to what the file asks for. Nothing is done where nothing was written.
#
# usage: keep-stack-file.sh STACK WHAT, where WHAT is the run's: Refresh
set -eu
file="Pulumi.$1.yaml"
if git diff --quiet HEAD -- "$file"; then
    exit 0
fi
export GIT_AUTHOR_NAME="understudy" GIT_AUTHOR_EMAIL="understudy@users.noreply.github.com"
export GIT_COMMITTER_NAME="$GIT_AUTHOR_NAME" GIT_COMMITTER_EMAIL="$GIT_AUTHOR_EMAIL"
git commit --quiet --message "$2 of $1" -- "$file"
# Refreshes of other stacks push at the same time.
for _ in 1 2 3 4 5; do
    if git push --quiet; then
        exit 0
    fi
    git pull --quiet --rebase --autostash || break
done
echo "$file was changed, but could not be pushed: let this workflow push to the branch, and commit the file by hand." >&2
exit 1
