import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

/** A page of a real Chromium that reaches this machine only; ended with the test. */
export async function openBrowser(executablePath: string, flags: readonly string[] = []): Promise<Page> {
  const browser = await chromium.launch({
    executablePath,
    // Its sandbox does not work for root; the pages are our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--no-proxy-server', ...flags],
  })
  onTestFinished(() => browser.close())
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  return context.newPage()
}

/** A web server with one page, as that of somebody who uses the API from a page of their own. */
export async function servePage(html: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Gives a token to the page of `/docs`, as a person does. */
export async function authorize(page: Page, token: string): Promise<void> {
  await page.locator('.auth-wrapper .authorize').first().click()
  const dialog = page.locator('.modal-ux')
  await dialog.locator('input').first().fill(token)
  await dialog.getByRole('button', { name: 'Apply credentials' }).click()
  await dialog.locator('.btn-done').click()
}
