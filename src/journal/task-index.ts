import type { Task } from '../task/task.ts'
import type { TaskPage, TaskQuery } from './journal.ts'
import { matchesQuery } from './matches-query.ts'

/** Tasks by id, with the lists that a page is read from: of all, of each status, of each caller and of each type. */
export class TaskIndex {
  readonly #tasks = new Map<string, Task>()
  readonly #all = new SortedIds()
  readonly #lists = {
    status: new Map<string, SortedIds>(),
    caller: new Map<string, SortedIds>(),
    type: new Map<string, SortedIds>(),
  }

  /** Takes a new task, or a newer version of one. */
  set(task: Task): void {
    const before = this.#tasks.get(task.id)
    this.#tasks.set(task.id, task)
    if (before?.status === task.status) return
    if (before === undefined) {
      this.#all.add(task.id)
      this.#add('caller', task)
      this.#add('type', task)
    } else this.#remove('status', before)
    this.#add('status', task)
  }

  delete(id: string): void {
    const task = this.#tasks.get(id)
    if (task === undefined) return
    this.#tasks.delete(id)
    this.#all.removed((other) => this.#tasks.has(other))
    for (const name of NAMES) this.#remove(name, task)
  }

  get(id: string): Task | undefined {
    return this.#tasks.get(id)
  }

  /** A page, the newest first; looks through the shortest list that holds all that is asked for. */
  list(query: TaskQuery): TaskPage {
    const page: Task[] = []
    for (const id of this.#shortest(query).newestFirst(query.before)) {
      const task = this.#tasks.get(id)
      if (task === undefined || !matchesQuery(task, query)) continue
      if (page.length === query.limit) return { tasks: page, next: page.at(-1)?.id ?? null }
      page.push(task)
    }
    return { tasks: page, next: null }
  }

  #shortest(query: TaskQuery): SortedIds {
    let shortest = this.#all
    const { statuses, caller, type } = query
    const wantedOf = { caller, type, status: statuses?.length === 1 ? statuses[0] : undefined }
    for (const name of NAMES) {
      const wanted = wantedOf[name]
      if (wanted === undefined) continue
      const list = this.#lists[name].get(wanted) ?? EMPTY
      if (list.length < shortest.length) shortest = list
    }
    return shortest
  }

  #add(name: ListName, task: Task): void {
    const lists = this.#lists[name]
    const list = lists.get(task[name]) ?? new SortedIds()
    lists.set(task[name], list)
    list.add(task.id)
  }

  #remove(name: ListName, { [name]: value }: Task): void {
    const lists = this.#lists[name]
    const list = lists.get(value)
    list?.removed((id) => this.#tasks.get(id)?.[name] === value)
    if (list?.length === 0) lists.delete(value)
  }
}

const NAMES = ['status', 'caller', 'type'] as const
type ListName = (typeof NAMES)[number]

/** Removed ids are cleared out when there are more of them than this, and than others. */
const MAX_REMOVED = 1024

/** Ids in rising order, as new ones mostly come; those that are removed stay until many are. */
class SortedIds {
  #ids: string[] = []
  #removed = 0

  /** Ids that were not removed. */
  get length(): number {
    return this.#ids.length - this.#removed
  }

  add(id: string): void {
    const last = this.#ids.at(-1)
    if (last === undefined || last < id) return void this.#ids.push(id)
    const at = this.#indexOf(id)
    // It was removed and comes back.
    if (this.#ids[at] === id) this.#removed -= 1
    else this.#ids.splice(at, 0, id)
  }

  /** One id does not belong to them any more. @param isIn whether one does */
  removed(isIn: (id: string) => boolean): void {
    this.#removed += 1
    if (this.length > 0 && (this.#removed <= MAX_REMOVED || this.#removed <= this.length)) return
    this.#ids = this.#ids.filter(isIn)
    this.#removed = 0
  }

  /** @param before only ids below this one */
  *newestFirst(before?: string): Generator<string> {
    for (let at = before === undefined ? this.#ids.length : this.#indexOf(before); at > 0;) {
      at -= 1
      yield this.#ids[at] as string
    }
  }

  /** Where this id is or would be. */
  #indexOf(id: string): number {
    let [from, to] = [0, this.#ids.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if ((this.#ids[middle] as string) < id) from = middle + 1
      else to = middle
    }
    return from
  }
}

const EMPTY = new SortedIds()
