import { join } from "node:path";
import { rcloneImage } from "../../components/bucket";
import { goProgram } from "../go";

/** The release that go.mod names: the one whose official image the agent's Jobs take rclone from. */
const version = rcloneImage.slice(rcloneImage.indexOf(":") + 1);

/** The path of rclone, built from Go modules once, with only what the agent needs and an S3 server for the tests. */
export function ensureRclone(): Promise<string> {
    return goProgram({
        name: "rclone",
        module: join(__dirname, "go"),
        variables: { "github.com/rclone/rclone/fs.Version": `v${version}` },
        usual: "2-4 min",
    });
}
