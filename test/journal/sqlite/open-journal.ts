import { MIGRATIONS } from '../../../src/journal/sqlite/schema.ts'
import { filesIn } from '../../../src/journal/sqlite/open/files.ts'
import { openJournal } from '../../../src/journal/sqlite/open/open.ts'

/** Opens the journal of a folder, as the writing thread does at the start of a server, and says when it is open. */
console.log('opening')
const startedAt = performance.now()
const { db, notes } = openJournal(filesIn(process.argv[2] ?? ''), MIGRATIONS)
console.log(JSON.stringify({ notes, ms: performance.now() - startedAt }))
db.close()
