import { describe, expect, it } from "vitest";
import { rolledBack } from "../../../cli/rollback";
import { generationsOf } from "../../../components/generations";
import type { Survey } from "../../../contract/survey";
import type { Settings } from "../../../settings";
import { config, settings } from "./seen";

describe("a rollback", () => {
    const changed = (refresh: string): Settings["database"] => ({ ...settings.database, refresh });
    const entry = (refresh: string, result = "succeeded") => ({
        kind: "update" as const,
        result: result as "succeeded",
        config: Object.fromEntries(
            Object.entries({
                ...config,
                "understudy:database": JSON.stringify({ ...JSON.parse(config["understudy:database"]), refresh }),
            }).map(([key, value]) => [key, { value }]),
        ),
    });
    const idOf = (refresh: string) => generationsOf({ ...settings, database: changed(refresh) }).database;
    const survey = (...kept: string[]): Pick<Survey, "databases" | "media"> => ({
        databases: kept.map((refresh) => ({
            id: idOf(refresh),
            state: "former",
            switched: null,
            awayMs: null,
            report: null,
            others: [],
        })),
        media: [{ id: generationsOf(settings).media, completed: "2026-11-20T02:10:00Z", report: null }],
    });
    const present = { ...settings, database: changed("3") };

    it("goes to the newest settings that lead to what is kept", () => {
        const history = [entry("3"), entry("2", "failed"), entry("1"), entry("0")];
        expect(rolledBack(present, survey("2", "1", "0"), history, "demo")).toEqual({
            "database.backup": "2026-11-20T02:04:01Z",
            "database.refresh": "1",
            "media.refresh": "b",
        });
        expect(rolledBack(present, survey("0"), history, "demo")).toMatchObject({ "database.refresh": "0" });
    });

    it("says what is kept when no settings lead there", () => {
        expect(() => rolledBack(present, survey("7"), [entry("3"), entry("2")], "demo")).toThrow(
            `nothing to go back to: no former settings lead to what is kept (database ${idOf("7")})`,
        );
    });

    it("passes over settings of a time when they were written differently", () => {
        const strange = { ...entry("2"), config: { "understudy:old": { value: "x" } } };
        expect(rolledBack(present, survey("1"), [strange, entry("1")], "demo")).toMatchObject({
            "database.refresh": "1",
        });
    });
});
