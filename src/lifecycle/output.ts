import type { TaskJournal } from '../journal/journal.ts'
import type { Task } from '../task/task.ts'

const PAGE = 500

/** The output that a task has reported so far, since its last reset. */
export async function readOutput(journal: TaskJournal, { id }: Pick<Task, 'id'>): Promise<string> {
  let chunks: string[] = []
  for (let after = 0; ;) {
    const page = await journal.eventsAfter(id, after, PAGE)
    const last = page.at(-1)
    if (last === undefined) return chunks.join('')
    after = last.seq
    for (const event of page) {
      if (event.type !== 'output') continue
      if (event.reset === true) chunks = []
      chunks.push(event.chunk)
    }
  }
}
