import type { Cell } from './table-facts.ts'

/** A day, with a time or without, or a time alone (ISO 8601); days also as `2024/09/03` and `3.9.2024`. */
const DATE =
  /^(?:(\d{4})-(\d\d)-(\d\d)|(\d{4})\/(\d{1,2})\/(\d{1,2})|(\d{1,2})\.(\d{1,2})\.(\d{4}))(?:[T ](\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)?)?$/
const TIME = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,9})?)?$/
const DURATION = /^(-?)PT?(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:[.,]\d{1,9})?)S)?$/
const SECONDS_PER_HOUR = 3600
const SECONDS_PER_MINUTE = 60

/** A text that is a date or a time, in ISO 8601; null: it is something else. */
export function readDateCell(column: number, text: string): Cell | null {
  const time = TIME.exec(text)
  if (time !== null) {
    const [hours, minutes, seconds] = time.slice(1).map((part) => Number(part ?? 0))
    return { column, text, kind: 'time', value: toSeconds(hours, minutes, seconds) }
  }
  const date = DATE.exec(text)
  if (date === null) return null
  const [year = '', month = '', day = ''] = date[1] === undefined ? ymd(date) : date.slice(1, 4)
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  const [clock = '', zone = ''] = date.slice(10).map((part) => part ?? '')
  const value = Date.parse(clock === '' ? iso : `${iso}T${clock.replace(',', '.')}${zone || 'Z'}`)
  if (Number.isNaN(value)) return null
  const isDay = clock === '' || (/^00:00(?::00(?:[.,]0+)?)?$/.test(clock) && /^Z?$/.test(zone))
  if (isDay) return { column, text: iso, kind: 'date', value }
  const shown = clock.replace(/:00(?:[.,]0+)?$/, (end, at: number) => (at === 2 ? end : ''))
  return { column, text: `${iso} ${shown}${zone === 'Z' ? '' : zone}`, kind: 'date-time', value }
}

function ymd(date: readonly (string | undefined)[]): (string | undefined)[] {
  return date[4] === undefined ? [date[9], date[8], date[7]] : [date[4], date[5], date[6]]
}

/** `PT13H45M00S` in seconds; null: it is none. */
export function readDuration(text: string): number | null {
  const parts = DURATION.exec(text)
  if (parts === null) return null
  const [hours, minutes, seconds] = parts.slice(2).map((part) => Number((part ?? '0').replace(',', '.')))
  return (parts[1] === '-' ? -1 : 1) * toSeconds(hours, minutes, seconds)
}

function toSeconds(hours = 0, minutes = 0, seconds = 0): number {
  return hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE + seconds
}
