import type { Frame } from "../../backup/frame";
import type { Piece, Statement } from "../../backup/piece";
import { copiedTable } from "../../backup/statement";
import { settingIn } from "../connections";
import { followsTask, taskOf } from "../task";

/** What of a dump has to do with some tables alone: their rows, and the indexes and keys that are made of them. */
export class TablesFrame implements Pick<Frame, "takes" | "end"> {
    /** Whether the statement before was taken; its rows, or what belongs to it, are as well. */
    private taken = false;

    /**
     * @param whole the frame of the dump
     * @param tables names as the dump writes them
     */
    constructor(
        private readonly whole: Pick<Frame, "takes" | "end">,
        private readonly tables: ReadonlySet<string>,
    ) {}

    takes(piece: Piece): boolean {
        if (!this.whole.takes(piece)) {
            return false;
        }
        if (piece.kind !== "statement") {
            return this.taken;
        }
        if (isSetting(piece)) {
            return true;
        }
        this.taken = this.takesStatement(piece);
        return this.taken;
    }

    end(): void {
        this.whole.end();
    }

    private takesStatement({ text, words }: Statement): boolean {
        if (words[0] === "copy") {
            return this.tables.has(copiedTable(text));
        }
        const task = taskOf(text, words);
        if (task !== undefined) {
            return task.tables.some((table) => this.tables.has(table));
        }
        return this.taken && (followsTask(text, words) || words.slice(0, 2).join(" ") === "alter index");
    }
}

/** Whether a statement says how the following ones are read; who runs them is not the dump's to say here. */
function isSetting({ text, words }: Statement): boolean {
    const setting = settingIn(text, words);
    return setting !== undefined && setting !== "session" && setting !== "role";
}
