import type { QueuePlace, TaskEvent } from '../task/event.ts'

/** Where a waiting task stands now; never numbered, never kept. */
type PositionNews = { readonly type: 'position'; readonly taskId: string } & QueuePlace

export type News = TaskEvent | PositionNews
