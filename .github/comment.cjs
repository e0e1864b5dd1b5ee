/**
 * Makes a file's text the one comment of its kind on a pull request: its first line is the marker by which an earlier
 * one is found, which is edited then.
 *
 * @param github the client that actions/github-script hands over
 * @param context the run's
 * @param file path of the text
 */
module.exports = async ({ github, context }, file) => {
    const body = require("node:fs").readFileSync(file, "utf8");
    const [marker] = body.split("\n", 1);
    const pull = { ...context.repo, issue_number: context.issue.number };
    const comments = await github.paginate(github.rest.issues.listComments, { ...pull, per_page: 100 });
    const own = comments.find((comment) => comment.user?.type === "Bot" && comment.body?.startsWith(marker));
    await (own === undefined
        ? github.rest.issues.createComment({ ...pull, body })
        : github.rest.issues.updateComment({ ...context.repo, comment_id: own.id, body }));
};
