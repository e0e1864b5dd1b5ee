/** What people are told of. */
export const notices = ["announced", "done", "failed", "stale", "expired"] as const;
export type NoticeName = (typeof notices)[number];

/** What is told of an event: the sentence that chats show, and facts for programs. No row of anybody's data is among them. */
export interface Notice {
    event: NoticeName;
    text: string;
    facts?: object;
}
