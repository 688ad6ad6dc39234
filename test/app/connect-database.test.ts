import { pino } from 'pino'
import { expect, test } from 'vitest'
import { connectDatabase } from '../../src/app/connect-database.ts'
import { readSettings } from '../../src/config/read.ts'
import { FolderStore } from '../../src/uploads/folder-store.ts'
import { tempFolder } from '../support/journal.ts'

/** Nobody listens there: what is refused is refused before the database is looked for. */
const DATABASE_URL = 'postgres://127.0.0.1:1/none'

async function connect(env: Record<string, string>) {
  const local = new FolderStore(await tempFolder())
  const connected = await connectDatabase(
    { settings: readSettings(env), log: pino({ level: 'silent' }) },
    local,
  )
  await connected.db?.close()
  return connected
}

test.each([
  ['FAIR_CALLERS', { DATABASE_URL, FAIR_CALLERS: 'true', PRIORITY_HEADSTART_SECONDS: '60' }],
  ['PRIORITY_HEADSTART_SECONDS', { DATABASE_URL, FAIR_CALLERS: 'true', PRIORITY_HEADSTART_SECONDS: '60' }],
  ['ROLE', { ROLE: 'worker' }],
  ['UPLOADS_URL', { UPLOADS_URL: 'file:///tmp/uploads' }],
])('settings that do not go together are refused by name: %s', async (name, env) => {
  await expect(connect(env)).rejects.toMatchObject({
    code: 'invalid-setting',
    message: expect.stringContaining(name),
  })
})

test('callers take turns with strict levels, and levels have a head start without turns', async () => {
  for (const more of [{ FAIR_CALLERS: 'true' }, { PRIORITY_HEADSTART_SECONDS: '60' }]) {
    expect((await connect({ DATABASE_URL, ...more })).db).not.toBeNull()
  }
  // In one process they go together.
  const alone = await connect({ FAIR_CALLERS: 'true', PRIORITY_HEADSTART_SECONDS: '60' })
  expect(alone.db).toBeNull()
})
