import { expect, test } from "vitest";
import { commentedExtension, madeExtension } from "../../agent/backup/extension";

test.each([
    ["CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;", { name: "postgis", schema: "public" }],
    ['CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "a "" b";', { name: "uuid-ossp", schema: 'a " b' }],
    ["CREATE EXTENSION IF NOT EXISTS postgis;", undefined],
    ["CREATE EXTENSION postgis WITH SCHEMA public;", undefined],
    ["CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public CASCADE;", undefined],
    ["CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public VERSION '1';", undefined],
    ["CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public--;\n;", undefined],
    ["CREATE EXTENSION IF NOT EXISTS post/**/gis WITH SCHEMA public;", undefined],
    ['CREATE EXTENSION IF NOT EXISTS "" WITH SCHEMA public;', { name: "", schema: "public" }],
])("the extension that is made by %s", (sql, made) => {
    expect(madeExtension(Buffer.from(sql))).toEqual(made);
});

test("the extension that is commented on", () => {
    expect(commentedExtension(Buffer.from("COMMENT ON EXTENSION \"uuid-ossp\" IS 'it''s';"))).toBe("uuid-ossp");
    expect(commentedExtension(Buffer.from("COMMENT ON TABLE postgis IS 'x';"))).toBeUndefined();
});
