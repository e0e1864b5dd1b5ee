import { textAt } from "../fields";
import { observe } from "./observe";
import { type Situation, uidOf } from "./wait";

/** Shows the cluster's warnings about the object while something waits for it; ends with `signal`. */
export function showEvents({ cluster, log, live }: Situation, signal: AbortSignal): void {
    const namespace = textAt(live, "metadata", "namespace");
    observe(cluster, { apiVersion: "v1", kind: "Event" }, namespace, signal, ({ object }) => {
        if (textAt(object, "involvedObject", "uid") !== uidOf(live) || object.type !== "Warning") return;
        log.status("warning", `${textAt(object, "reason")}: ${textAt(object, "message")}`);
    });
}
