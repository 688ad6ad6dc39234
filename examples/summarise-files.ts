import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { createClient, TaskFailed } from 'headgate/client'

/**
 * Sends files to a server and prints what is known of each: `node summarise-files.ts report.pdf letter.docx`. HEADGATE_URL
 * and HEADGATE_TOKEN name the server and the token.
 */
const { HEADGATE_URL: url = 'http://127.0.0.1:8001', HEADGATE_TOKEN: token } = process.env
const headgate = createClient({ url, ...(token === undefined ? {} : { token }) })

for (const path of process.argv.slice(2)) {
  const file = await openAsBlob(path)
  const task = await headgate.upload(
    'analyze-document',
    file,
    {},
    { filename: basename(path), priority: 'LOW' },
  )
  try {
    await task.result({
      onUpdate: (event) => {
        if (event.type === 'progress') console.error(`${basename(path)}: ${event.progress} %`)
      },
    })
    console.log(await (await task.file('md')).text())
  } catch (error) {
    if (!(error instanceof TaskFailed)) throw error
    console.error(`${basename(path)}: ${error.message} ${error.suggestions.join(' ')}`)
    process.exitCode = 1
  }
}
