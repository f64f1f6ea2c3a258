import Foundation
import GRDB

extension LifeDatabase {
  /// Every format that there has been, in order: an older directory is brought to the newest when it is opened for
  /// writing, in one transaction for each step.
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { try $0.execute(sql: learning) }
    migrator.registerMigration("2") { try $0.execute(sql: serving) }
    migrator.registerMigration("3") { try $0.execute(sql: counting) }
    migrator.registerMigration("4", migrate: findServed)
    migrator.registerMigration("5") { try $0.execute(sql: judging) }
    return migrator
  }

  private static let learning = """
    CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    CREATE TABLE labels (
      number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, merged INTEGER REFERENCES labels (number));

    CREATE TABLE examples (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      identifier TEXT NOT NULL UNIQUE,
      digest BLOB NOT NULL UNIQUE,
      payload BLOB NOT NULL,
      label INTEGER NOT NULL REFERENCES labels (number),
      time TEXT,
      -- 0 to learn from, 1 to judge by
      role INTEGER NOT NULL,
      -- pending, learned, refused or withdrawn
      status TEXT NOT NULL,
      -- the version that learned it, or a name, for those to judge by
      suite TEXT);
    CREATE INDEX examples_by_status ON examples (role, status);
    CREATE INDEX examples_by_suite ON examples (suite) WHERE suite IS NOT NULL;

    CREATE TABLE versions (
      number INTEGER PRIMARY KEY, name TEXT NOT NULL, parent INTEGER, kind TEXT NOT NULL, created TEXT NOT NULL,
      examples INTEGER NOT NULL, is_cleared INTEGER NOT NULL DEFAULT 0,
      -- has seen what was to be forgotten
      is_tainted INTEGER NOT NULL DEFAULT 0);

    CREATE TABLE lineage (
      example INTEGER NOT NULL REFERENCES examples (number) ON DELETE CASCADE,
      version INTEGER NOT NULL, label INTEGER NOT NULL, PRIMARY KEY (version, example)) WITHOUT ROWID;
    CREATE INDEX lineage_by_example ON lineage (example);

    CREATE TABLE updates (
      number INTEGER PRIMARY KEY, time TEXT NOT NULL, parent INTEGER, version INTEGER, outcome TEXT NOT NULL,
      examples INTEGER NOT NULL, seconds REAL NOT NULL, verdict TEXT);

    -- the accuracy matrix over versions
    CREATE TABLE scores (
      version INTEGER NOT NULL, suite TEXT NOT NULL, label INTEGER NOT NULL,
      correct INTEGER NOT NULL, total INTEGER NOT NULL, PRIMARY KEY (version, suite, label)) WITHOUT ROWID;

    -- what kept versions say of the examples to judge by
    CREATE TABLE answers (
      version INTEGER NOT NULL, example INTEGER NOT NULL REFERENCES examples (number) ON DELETE CASCADE,
      label INTEGER NOT NULL, PRIMARY KEY (version, example)) WITHOUT ROWID;
    CREATE INDEX answers_by_example ON answers (example);

    -- salted digests of identifiers that were forgotten
    CREATE TABLE tombstones (digest BLOB PRIMARY KEY, time TEXT NOT NULL) WITHOUT ROWID;

    CREATE TABLE audit (
      sequence INTEGER PRIMARY KEY, time TEXT NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL,
      previous TEXT NOT NULL, digest TEXT NOT NULL);
    """

  private static let serving = """
    CREATE TABLE served (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      identifier TEXT NOT NULL UNIQUE, time TEXT NOT NULL, version INTEGER NOT NULL, payload BLOB,
      label TEXT NOT NULL, probability REAL NOT NULL,
      truth TEXT, told TEXT, is_correct INTEGER,
      example INTEGER REFERENCES examples (number) ON DELETE SET NULL);
    CREATE INDEX served_by_told ON served (told) WHERE told IS NOT NULL;
    CREATE INDEX served_by_example ON served (example) WHERE example IS NOT NULL;
    """

  /// Inputs that were served are found by their digests: `forget` looks for all of them, and they are many.
  private static func findServed(_ db: Database) throws {
    try db.execute(sql: "ALTER TABLE served ADD COLUMN digest BLOB")
    let update = try db.makeStatement(sql: "UPDATE served SET digest = ? WHERE number = ?")
    for number in try Int.fetchAll(db, sql: "SELECT number FROM served WHERE payload IS NOT NULL") {
      let payload = try Data.fetchOne(
        db, sql: "SELECT payload FROM served WHERE number = ?", arguments: [number])
      try update.execute(arguments: [payload.map(digest), number])
    }
    try db.execute(sql: "CREATE INDEX served_by_digest ON served (digest) WHERE digest IS NOT NULL")
  }

  /// What was judged can be judged again in the order in which labels came: a server that is started anew knows how its
  /// versions fared.
  private static let judging = """
    ALTER TABLE served ADD COLUMN judged INTEGER;
    -- what a candidate on trial would have said
    ALTER TABLE served ADD COLUMN shadow TEXT;
    UPDATE served SET judged = told_in_order.place FROM (
      SELECT number, row_number() OVER (ORDER BY told, number) AS place FROM served WHERE told IS NOT NULL
    ) AS told_in_order WHERE told_in_order.number = served.number;
    CREATE UNIQUE INDEX served_by_judged ON served (judged) WHERE judged IS NOT NULL;
    -- only ever grows, whatever is forgotten
    INSERT INTO facts SELECT 'judged', count(*) FROM served WHERE told IS NOT NULL;
    """

  /// What history counts and suites are thinned by is in the indices: rows hold the inputs themselves, and are many.
  private static let counting = """
    DROP INDEX examples_by_status;
    CREATE INDEX examples_by_status ON examples (role, status, label);
    DROP INDEX examples_by_suite;
    CREATE INDEX examples_by_suite ON examples (suite, digest) WHERE suite IS NOT NULL;
    """
}
