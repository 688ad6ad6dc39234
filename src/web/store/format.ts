import { now } from './board.ts'
import { language, words } from './settings.ts'

/** A duration as people say it: `45 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return '–'
  const { units } = words()
  const whole = Math.max(0, Math.round(seconds))
  if (seconds > 0 && seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`
  if (whole < 60) return `${whole} ${units.s}`
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60]
  if (minutes < 60) return `${minutes} ${units.min}${rest === 0 ? '' : ` ${rest} ${units.s}`}`
  const [hours, restMinutes] = [Math.floor(minutes / 60), minutes % 60]
  if (hours < 48) return `${hours} ${units.h}${restMinutes === 0 ? '' : ` ${restMinutes} ${units.min}`}`
  return `${Math.floor(hours / 24)} ${units.d}`
}

/** Seconds since an instant, as they run. */
export function since(instant: string | null | undefined): number | null {
  return instant == null ? null : Math.max(0, (now.value - Date.parse(instant)) / 1000)
}

export function until(instant: string | null | undefined): number | null {
  return instant == null ? null : Math.max(0, (Date.parse(instant) - now.value) / 1000)
}

export function clock(instant: string | Date | null | undefined): string {
  if (instant == null) return '–'
  const date = new Date(instant)
  const isToday = date.toDateString() === new Date(now.value).toDateString()
  const time = date.toLocaleTimeString(locale(), { hour12: false })
  return isToday ? time : `${date.toLocaleDateString(locale(), { month: 'short', day: 'numeric' })} ${time}`
}

export function count(value: number): string {
  return value.toLocaleString(locale())
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  const [size, unit] = value < 1e6 ? [value / 1000, 'kB'] : [value / 1e6, 'MB']
  return `${size.toLocaleString(locale(), { maximumFractionDigits: 1 })} ${unit}`
}

function locale(): string {
  return language.value === 'zh' ? 'zh-CN' : 'en-GB'
}
