import type { CellKind } from './table-facts.ts'

/** Formats that a workbook may use without declaring them (ECMA-376, 18.8.30). */
const BUILT_IN: Readonly<Record<number, CellKind>> = {
  9: 'percent',
  10: 'percent',
  18: 'time',
  19: 'time',
  20: 'time',
  21: 'time',
  22: 'date-time',
  45: 'time',
  46: 'time',
  47: 'time',
}

/** What a number of this format is. @param code of a format that the workbook declares */
export function kindOfFormat(id: number, code: string | undefined): CellKind {
  if (code === undefined) {
    const isDate = (id >= 14 && id <= 17) || (id >= 27 && id <= 36) || (id >= 50 && id <= 58)
    return BUILT_IN[id] ?? (isDate ? 'date' : 'number')
  }
  // The first section is that of positive numbers; texts, colours and conditions are no letters of a date.
  const letters = (code.split(';')[0] ?? '')
    .replace(/"[^"]{0,500}"|\\.|_.|\*./g, '')
    .replace(/\[(?!h+\]|m+\]|s+\])[^\]]{0,100}\]/gi, '')
    .replace(/general/i, '')
    .toLowerCase()
  const hasTime = /[hs]/.test(letters)
  const hasDate = /[yd]/.test(letters) || (letters.includes('m') && !hasTime)
  if (hasDate) return hasTime ? 'date-time' : 'date'
  if (hasTime || /\[m+\]/.test(letters)) return 'time'
  return letters.includes('%') ? 'percent' : 'number'
}

const DAY_MS = 24 * 3600 * 1000
/** Day 0 of either calendar of Excel, epoch ms. */
const DAY_ZERO = { 1900: Date.UTC(1899, 11, 30), 1904: Date.UTC(1904, 0, 1) }
/** 1900 was no leap year, but for Excel. */
const LEAP_BUG_DAY = 60
const MAX_DAY = 2_958_465

/** A number as a person reads it: dates in ISO 8601, times of more than a day in hours. */
export function formatNumber(value: number, kind: CellKind, calendar: 1900 | 1904): string {
  const isDay = value >= 0 && value <= MAX_DAY
  if (kind === 'percent') return `${plain(value * 100)}%`
  if (kind === 'number' || !isDay) return plain(value)
  if (kind === 'time') return toClock(value)
  const day = calendar === 1900 && value < LEAP_BUG_DAY ? value + 1 : value
  const iso = new Date(Math.round(DAY_ZERO[calendar] + day * DAY_MS)).toISOString()
  if (kind === 'date' || value % 1 === 0) return iso.slice(0, 10)
  return `${iso.slice(0, 10)} ${iso.slice(11, iso.slice(17, 19) === '00' ? 16 : 19)}`
}

/** Without the noise of binary fractions. */
function plain(value: number): string {
  return `${Number(value.toPrecision(15))}`
}

function toClock(days: number): string {
  const seconds = Math.round(days * 24 * 3600)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const [hours = '', minutes = '', rest = ''] = parts.map((part) => `${part}`.padStart(2, '0'))
  return rest === '00' ? `${hours}:${minutes}` : `${hours}:${minutes}:${rest}`
}
