import { readFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { bundle } from "./agent/bundle";
import { Replica } from "./components/replica";
import { markerSql } from "./contract";
import { preflight } from "./preflight";
import { readSettings } from "./settings";

/** The program: a stack file in, one replica out. */
export = async () => {
    const settings = readSettings();
    const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
    // Together: one waits for the cluster, the other for the bundler.
    const [{ keptPassword }, program] = await Promise.all([preflight(settings, stack), bundle()]);
    const replica = new Replica("replica", {
        stack,
        settings,
        program,
        initialSql: markerSql(stack),
        keptPassword,
    });
    return {
        namespace: settings.target.namespace,
        url: replica.url,
        databaseGeneration: replica.generations.database,
        mediaGeneration: replica.generations.media,
        readme: readFileSync(path.join(__dirname, "Pulumi.README.md"), "utf8"),
        ...(settings.allowTagMismatch !== undefined && { tagMismatchAllowed: settings.allowTagMismatch }),
    };
};
