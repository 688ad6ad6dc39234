import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { theme } from '../store/settings.ts'

export interface Line {
  readonly name: string
  /** A custom property of the style sheet. */
  readonly colour: string
  readonly values: readonly (number | null)[]
  readonly kind?: 'bars' | 'line' | 'dashed'
}

interface Props {
  /** Epoch s, rising. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
  readonly label: string
}

const HEIGHT = 180
const AXIS_WIDTH = 64

/** A chart over time; a table beside it says the same to those who do not see it. */
export function Chart({ times, lines, format, label }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const shown = theme.value
  useEffect(() => {
    const element = place.current
    if (element === null) return
    const data = [times, ...lines.map(({ values }) => values)] as unknown as UPlot.AlignedData
    const axis = {
      stroke: resolve(element, '--quiet'),
      grid: { stroke: resolve(element, '--line') },
      ticks: { show: false },
    }
    const plot = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        cursor: { drag: { x: false, y: false } },
        legend: { live: false },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
        axes: [axis, { ...axis, size: AXIS_WIDTH, values: (_plot, splits) => splits.map(format) }],
        series: [{}, ...lines.map((line) => toSeries(line, resolve(element, line.colour)))],
      },
      data,
      element,
    )
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.destroy()
    }
  }, [times, lines, shown])
  return <div class="chart" ref={place} role="img" aria-label={label} />
}

function toSeries({ name, kind = 'line' }: Line, stroke: string): UPlot.Series {
  if (kind === 'bars') {
    const paths = UPlot.paths.bars?.({ size: [0.8, 40] })
    return {
      label: name,
      stroke,
      fill: stroke,
      points: { show: false },
      ...(paths === undefined ? {} : { paths }),
    }
  }
  return {
    label: name,
    stroke,
    width: 2,
    points: { size: 5, fill: stroke },
    spanGaps: false,
    ...(kind === 'dashed' ? { dash: [6, 4] } : {}),
  }
}

/** A colour as a canvas takes it: `light-dark()` is resolved by an element alone. */
function resolve(element: HTMLElement, name: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${name})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
