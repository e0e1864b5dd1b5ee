/** The replica's mail, as a status tells of it. */
import { plural } from "../agent/report";
import { keepsMail, mailHost, mailPorts } from "../components/mail-configuration";
import type { CaughtMail } from "../contract/mail";
import type { Settings } from "../settings";
import type { MailMode } from "../settings/mail";
import type { Row } from "../table";

/** Where the replica's mail goes, and what was caught. */
export interface MailStatus {
    mode: MailMode;
    /** Address, inside the cluster, of the page with what was caught; null if nothing is kept. */
    page: string | null;
    /** Null if nothing is kept, or if it is not known. */
    caught: CaughtMail | null;
}

/** The replica's mail: where it goes is in the stack file, and what was caught the sink tells. */
export function mailOf({ mail, target }: Settings, caught: CaughtMail | undefined): MailStatus {
    const page = keepsMail(mail) ? `http://${mailHost}.${target.namespace}.svc:${mailPorts.http}` : null;
    return { mode: mail.mode, page, caught: caught ?? null };
}

/** The same for people. */
export function mailRows({ mode, page, caught }: MailStatus, namespace: string): Row[] {
    if (page === null) {
        const words = mode === "log" ? `kubectl -n ${namespace} logs deployment/${mailHost}` : "none is sent";
        return [["mail", `${mode}: ${words}`]];
    }
    const { http } = mailPorts;
    const last = caught?.last == null ? "" : `, the last at ${caught.last}`;
    const known =
        caught === null ? "what was caught is not known" : `${plural(caught.messages, "message")} caught${last}`;
    return [
        ["mail", `${mode}: ${known}`],
        [
            "its page",
            `${page}; or http://127.0.0.1:${http} after kubectl -n ${namespace} port-forward service/${mailHost} ${http}`,
        ],
    ];
}
