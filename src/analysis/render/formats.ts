import type { ResultFormat } from '../../handler/define-task.ts'
import type { Report } from '../report.ts'
import { renderProvenance } from './finish.ts'
import { renderFrontMatter } from './front-matter.ts'

/**
 * The files that a report can be had as; the JSON is the result itself.
 *
 * @param renderPage makes the page outside of this thread: its libraries take a large part of a second to load
 */
export function reportFormats(
  renderPage: (report: Report) => Promise<string>,
): Readonly<Record<string, ResultFormat>> {
  return {
    md: {
      mediaType: 'text/markdown; charset=utf-8',
      write: (result, finishedAt) => {
        const report = withAll(result)
        return { filename: report.filename, text: renderFrontMatter(report, finishedAt) + report.markdown }
      },
    },
    html: {
      mediaType: 'text/html; charset=utf-8',
      write: async (result) => {
        const report = withAll(result)
        return { filename: report.filename.replace(/\.md$/, '.html'), text: await renderPage(report) }
      },
    },
  }
}

/** Reports of earlier versions have fewer fields. */
function withAll(result: unknown): Report {
  const { hash = '' } = result as Partial<Report>
  const origin = { kind: 'upload', name: null, url: null, mediaType: '', sha256: hash } as const
  const before = {
    provenance: { ...renderProvenance(origin), engine_version: '1' },
    model: null,
    usage: null,
  }
  return { ...before, ...(result as Report) }
}
