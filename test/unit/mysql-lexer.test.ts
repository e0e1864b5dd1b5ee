import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MysqlLexer, type MysqlPiece } from "../../agent/mysql/lexer";
import { plainOf } from "../../agent/mysql/plain";
import { portable } from "../../agent/mysql/portable";
import { Settings } from "../../agent/mysql/settings";
import { stepOf } from "../../agent/mysql/statement";
import { partsOf } from "../../agent/mysql/table";

function cut(text: string, sizes: number[] = [1_000_000]): MysqlPiece[] {
    const lexer = new MysqlLexer();
    const bytes = Buffer.from(text);
    const pieces: MysqlPiece[] = [];
    for (let at = 0, n = 0; at < bytes.length; n++) {
        const size = sizes[n % sizes.length] ?? 1;
        pieces.push(...lexer.push(Buffer.from(bytes.subarray(at, at + size))));
        at += size;
    }
    return [...pieces, ...lexer.end()];
}

const texts = (pieces: MysqlPiece[]) => pieces.map((piece) => `${piece.kind}: ${piece.text.toString()}`);

const dump = `/*M!999999\\- enable the sandbox mode */
-- MariaDB dump
/*!40101 SET NAMES utf8mb4 */;
/* a comment; with a semicolon */
# another; one
INSERT INTO \`a;b\` VALUES (1,'it''s; \\'quoted\\'',"x;--"),(2,')(',NULL);
DELIMITER ;;
/*!50003 CREATE*/ /*!50003 TRIGGER t BEFORE INSERT ON x FOR EACH ROW begin -- don't; stop
  set @a = 'x;;y'; /* nor; here's */ set @b = 1--1;
end */;;
DELIMITER ;
SELECT 1;
-- Dump completed on 2026-11-22
`;

describe("a dump is cut into statements", () => {
    test("at delimiters outside of quotes and comments", () => {
        expect(texts(cut(dump)).map((text) => text.slice(0, 50))).toEqual([
            "comment: MariaDB dump",
            "statement: /*!40101 SET NAMES utf8mb4 */",
            "comment: another; one",
            "statement: INSERT INTO `a;b` VALUES (1,'it''s; \\'q",
            "statement: /*!50003 CREATE*/ /*!50003 TRIGGER t BE",
            "statement: SELECT 1",
            "comment: Dump completed on 2026-11-22",
        ]);
    });

    test("wherever its bytes are divided", () => {
        const whole = texts(cut(dump));
        fc.assert(
            fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 }), (sizes) => {
                expect(texts(cut(dump, sizes))).toEqual(whole);
            }),
        );
    });

    test("whatever stands in quotes", () => {
        const row = fc.array(
            fc.constantFrom("'", '"', "`", "\\", ";", "(", ")", "--", "/*", "*/", "#", "\n", "a", "ü"),
            { maxLength: 20 },
        );
        fc.assert(
            fc.property(
                fc.array(row, { minLength: 1, maxLength: 5 }),
                fc.integer({ min: 1, max: 40 }),
                (rows, size) => {
                    const values = rows.map((parts) => `('${parts.join("").replaceAll(/[\\']/g, "\\$&")}')`);
                    const [piece, ...more] = cut(`INSERT INTO t VALUES ${values.join(",")};`, [size]);
                    expect(piece).toMatchObject({ kind: "statement", groups: rows.length });
                    expect(more).toEqual([]);
                },
            ),
        );
    });

    test.each([
        ["in quotes", "INSERT INTO t VALUES ('a"],
        ["in a statement", "INSERT INTO t"],
        ["in a comment", "/* never ends"],
    ])("that ends %s is truncated", (_, text) => {
        expect(() => cut(text)).toThrow("ends in the middle of a statement");
    });
});

describe("what the server obeys in a statement", () => {
    test.each([
        ["/*!40101 SET NAMES utf8mb4 */", "SET NAMES utf8mb4"],
        ["/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t */", "CREATE DEFINER=`a`@`b` TRIGGER t"],
        ["SELECT '/*!1 */' /* plain */", "SELECT '/*!1 */' /* plain */"],
        ["SET x = 1 /*!80000 , y = 2 */", "SET x = 1 /*!80000 , y = 2 */"],
    ])("%s", (text, plain) => {
        expect(plainOf(text).replaceAll(/ +/g, " ")).toBe(plain);
    });
});

describe("settings of a dump", () => {
    const setBy = (...statements: string[]) => {
        const settings = new Settings();
        for (const statement of statements) {
            settings.follow(statement);
        }
        return settings.statement;
    };

    test("are put aside and brought back", () => {
        const before = setBy("SET sql_mode = 'A'");
        expect(setBy("SET sql_mode = 'A'", "SET @old = @@sql_mode, sql_mode = 'B,C'", "SET sql_mode = @old")).toBe(
            before,
        );
        expect(setBy("SET NAMES latin1")).toContain("character_set_client = latin1");
        expect(setBy("SET @a = @@time_zone", "SET time_zone = '+01:00'", "SET time_zone = @a")).toContain(
            "time_zone = default",
        );
    });

    test.each([
        ["SET GLOBAL x = 1", "sets x for the whole server"],
        ["SET @@global.general_log = 1", "sets general_log for the whole server"],
        ["SET password = 'x'", "sets password, which mysqldump never does"],
        ["SET sql_mode = (select 1)", "sets sql_mode to what is no value"],
    ])("%s is refused", (statement, reason) => {
        expect(() => setBy(statement)).toThrow(reason);
    });

    test("production's place in its replication is left out", () => {
        expect(new Settings().follow("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'a:1-5'")).toContain("its replication");
    });
});

describe("what a statement is", () => {
    const step = (text: string) => stepOf(Buffer.from(text), 3, "shop");

    test("rows are counted, columns that are named first are none", () => {
        expect(step("INSERT INTO `a``b` VALUES (1),(2),(3)")).toEqual({ kind: "rows", table: "a`b", count: 3 });
        expect(step("INSERT INTO t (`a`, b) VALUES (1),(2)")).toEqual({ kind: "rows", table: "t", count: 2 });
    });

    test("code belongs to nobody of production's, and names no database", () => {
        expect(
            step(
                "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`%`*/ /*!50003 TRIGGER `shop`.`t` AFTER INSERT ON `shop`.`x` FOR EACH ROW set @a = 'DEFINER=x'*/",
            ),
        ).toMatchObject({
            kind: "object",
            object: "trigger",
            name: "t",
            sql: expect.stringMatching(/^CREATE\s+TRIGGER `t` AFTER INSERT ON `x` FOR EACH ROW set @a = 'DEFINER=x'$/),
        });
        expect(() => step("CREATE DEFINER=a@b PROCEDURE `other`.`p`() select 1")).toThrow("names another database");
    });

    test("a setting of MariaDB's newer clients is one, which a restore follows", () => {
        for (const set of [
            "@OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0",
            "NOTE_VERBOSITY=@OLD_NOTE_VERBOSITY",
        ]) {
            const found = step(`/*M!100616 SET ${set} */`);
            expect(found).toEqual({ kind: "setting", sql: `SET ${set}` });
            expect(new Settings().follow(`SET ${set}`)).toBeUndefined();
        }
    });

    test("an event sleeps, whatever its comment says", () => {
        const event =
            "CREATE DEFINER=a@b EVENT `e` ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' ON COMPLETION PRESERVE ENABLE COMMENT 'ENABLE' DO select 'ENABLE'";
        expect(step(event)).toMatchObject({
            sql: expect.stringMatching(/ON COMPLETION PRESERVE DISABLE COMMENT 'ENABLE' DO select 'ENABLE'$/),
        });
    });
});

test("a table is made without what slows its rows down, and keeps what numbers them", () => {
    const create =
        "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `n` int NOT NULL AUTO_INCREMENT,\n  `a` varchar(9) DEFAULT 'KEY',\n  PRIMARY KEY (`id`),\n" +
        "  UNIQUE KEY `u` (`a`),\n  KEY `n` (`n`),\n  FULLTEXT KEY `f` (`a`),\n  CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p` (`a`),\n" +
        "  CONSTRAINT `ch` CHECK (`n` > 0)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
    expect(partsOf(create)).toEqual({
        create:
            "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `n` int NOT NULL AUTO_INCREMENT,\n  `a` varchar(9) DEFAULT 'KEY',\n  PRIMARY KEY (`id`),\n" +
            "  KEY `n` (`n`),\n  CONSTRAINT `ch` CHECK (`n` > 0)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
        keys: ["UNIQUE KEY `u` (`a`)", "FULLTEXT KEY `f` (`a`)"],
        foreign: ["CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `p` (`a`)"],
    });
    const other = create.replace("InnoDB", "MyISAM");
    expect(partsOf(other)).toEqual({ create: other, keys: [], foreign: [] });
});

describe("a dump for any server of the kind", () => {
    async function carried(sql: string, size = 7): Promise<string> {
        const chunks = async function* () {
            const bytes = Buffer.from(sql);
            for (let at = 0; at < bytes.length; at += size) {
                yield bytes.subarray(at, at + size);
            }
        };
        const pieces: Buffer[] = [];
        for await (const piece of portable(chunks(), "shop", "`developer`@`%`")) {
            pieces.push(piece);
        }
        return Buffer.concat(pieces).toString();
    }

    test("has rows as they are, and nothing of where it was made nor of what others stumble over", async () => {
        const sql =
            "/*M!999999\\- enable the sandbox mode */ \n-- Host: db01    Database: shop\n/*!40101 SET NAMES utf8mb4 */;\n" +
            "/*M!100616 SET @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY, NOTE_VERBOSITY=0 */;\n" +
            "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47:1-5';\n" +
            "INSERT INTO `a` VALUES (1,'é; -- DEFINER=`x`@`y`');\n-- Dump completed\n";
        expect(await carried(sql)).toBe(
            "/*!40101 SET NAMES utf8mb4 */;\nINSERT INTO `a` VALUES (1,'é; -- DEFINER=`x`@`y`');\n",
        );
    });

    test("has code that belongs to one account, and is never due", async () => {
        const sql =
            "DELIMITER ;;\nCREATE DEFINER=`x$1`@`10.%` EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE ENABLE DO " +
            "begin select 'é DEFINER=`x`@`y`'; end ;;\nDELIMITER ;\n" +
            "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`x`@`y` SQL SECURITY DEFINER */\n/*!50001 VIEW `v` AS select 1 */;\n";
        expect((await carried(sql)).replaceAll(/[ \n]+/g, " ")).toBe(
            "delimiter ;; CREATE DEFINER=`developer`@`%` EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE DO " +
                "begin select 'é DEFINER=`x`@`y`'; end ;; delimiter ; " +
                "delimiter ;; CREATE ALGORITHM=UNDEFINED DEFINER=`developer`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1 ;; delimiter ; ",
        );
    });

    test("is refused with a sentence where it would not be let into a copy, or ends early", async () => {
        await expect(carried("GRANT ALL ON *.* TO a@b;\n")).rejects.toThrow(
            /^The dump of shop holds the statement GRANT/,
        );
        await expect(carried("INSERT INTO a VALUES (1")).rejects.toThrow(/^The dump of shop ends in the middle/);
    });
});
