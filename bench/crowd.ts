import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { nowSeconds } from '../demo-as/clock.ts'

// Records as clients leave them that have signed in, made by the database itself: a client, a grant, a refresh token and an access token
// each, and the words that the grant is listed under. Their contents are of the usual length; nobody asks for them. In SQLite the ids of
// the tokens begin with a time, within the last hour.

const CONTENTS = 640
const PER_CLIENT = 4

export function crowdSqlite(path: string, clients: number): void {
  const database = new DatabaseSync(path, { timeout: 60_000 })
  database.exec(`
    PRAGMA cache_size = -600000;
    BEGIN;
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${clients * PER_CLIENT})
    INSERT INTO entries (id, value, ends_at, has_words)
    SELECT CASE WHEN n % ${PER_CLIENT} < 2 THEN randomblob(32)
        ELSE CAST(unhex(printf('%08x', ${nowSeconds() - 3600} + n * 3600 / ${clients * PER_CLIENT})) || randomblob(32) AS BLOB) END,
      hex(randomblob(${CONTENTS / 2})), ${Date.now()} + 86400000 + n, n % ${PER_CLIENT} = 0 FROM numbers;
    INSERT INTO words (collection, word, key, id)
    SELECT 'Grant', word || hex(id), hex(id), id FROM entries, (SELECT 'person:' AS word UNION SELECT 'client:')
    WHERE has_words AND length(value) = ${CONTENTS};
    COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`)
  database.close()
}

export async function crowdPostgres(url: string, clients: number): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`
    INSERT INTO idplug_entries (id, value, ends_at, words)
    SELECT sha256(n::text::bytea), repeat(md5(n::text), ${CONTENTS / 32}), now() + interval '1 day' + n * interval '1 ms',
      CASE WHEN n % ${PER_CLIENT} = 0 THEN ARRAY[sha256('person' || n::text::bytea), sha256('client' || n::text::bytea)] END
    FROM generate_series(1, ${clients * PER_CLIENT}) AS n`)
  await client.query(`
    INSERT INTO idplug_words (word, key, id)
    SELECT unnest(words), id, id FROM idplug_entries WHERE words IS NOT NULL ON CONFLICT DO NOTHING`)
  await client.query('VACUUM ANALYZE')
  await client.end()
}
