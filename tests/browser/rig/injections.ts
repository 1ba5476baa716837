import assert from 'node:assert/strict'
import type { TestPage } from './page.ts'

/** Texts that would run as script, load something, or break out of their place, if any of them were
 * taken for more than text. Each fits into a pseudonym (40 characters); what would run calls `hit`. */
export const INJECTIONS: readonly string[] = [
  // Elements that run by themselves.
  '<script>hit()</script>',
  '<SCRIPT>hit()</SCRIPT>',
  '<script src=//evil.example></script>',
  '<script/x>hit()</script>',
  '<script\u0020>hit()</script\u0020>',
  '"><script>hit()</script>',
  "'><script>hit()</script>",
  '</script><script>hit()</script>',
  '</title><script>hit()</script>',
  '</textarea><script>hit()</script>',
  '</style><script>hit()</script>',
  '</noscript><script>hit()</script>',
  '</dialog><script>hit()</script>',
  '--><script>hit()</script>',
  ']]><script>hit()</script>',
  '<scr<script>ipt>hit()</script>',
  '<script>hit()//',
  '<script type=module>hit()</script>',
  '<svg><script>hit()</script></svg>',
  '<math><script>hit()</script></math>',
  // Handlers.
  '<img src=x onerror=hit()>',
  '<img src=x onerror="hit()">',
  "<img src=x onerror='hit()'>",
  '<IMG SRC=x ONERROR=hit()>',
  '<img/src=x/onerror=hit()>',
  '<img src onerror=hit``>',
  '<img src=x:x onerror=hit()//',
  '"><img src=x onerror=hit()>',
  "'><img src=x onerror=hit()>",
  '<svg onload=hit()>',
  '<svg/onload=hit()>',
  '<svg><animate onbegin=hit()>',
  '<svg><set onbegin=hit()>',
  '<body onload=hit()>',
  '<body onpageshow=hit()>',
  '<input autofocus onfocus=hit()>',
  '<select autofocus onfocus=hit()>',
  '<textarea autofocus onfocus=hit()>',
  '<button autofocus onfocus=hit()>',
  '<a href=# onmouseover=hit()>x</a>',
  '<details open ontoggle=hit()>',
  '<dialog open oncancel=hit()>',
  '<video src=x onerror=hit()>',
  '<audio src=x onerror=hit()>',
  '<video><source onerror=hit()></video>',
  '<object data=x onerror=hit()>',
  '<marquee onstart=hit()>',
  '<iframe onload=hit()>',
  '<link rel=preload href=x onerror=hit()>',
  '<style onload=hit()>',
  '<div onclick=hit()>x</div>',
  '<div onpointerenter=hit()>x</div>',
  '<p onanimationstart=hit()>x',
  '<x onclick=hit() tabindex=1>x',
  '<custom-element onfocus=hit() autofocus>',
  // Addresses that run.
  'javascript:hit()',
  'JaVaScRiPt:hit()',
  'java&#9;script:hit()',
  'javascript://%0ahit()',
  'javascript&colon;hit()',
  '&#106;avascript:hit()',
  'data:text/html,<script>hit()</script>',
  'vbscript:hit()',
  '<a href=javascript:hit()>x</a>',
  '<a href="java&Tab;script:hit()">x</a>',
  '<form action=javascript:hit()><button>',
  '<button formaction=javascript:hit()>x',
  '<iframe src=javascript:hit()>',
  '<iframe srcdoc="<script>hit()</script>">',
  '<embed src=javascript:hit()>',
  '<object data=javascript:hit()>',
  '<base href=//evil.example/>',
  '<base href=javascript:hit()//>',
  '<meta http-equiv=refresh content=0;/r>',
  '<meta http-equiv=refresh content=0>',
  '[x](javascript:hit())',
  '![x](x" onerror="hit())',
  // Things that load or restyle.
  '<img src=//evil.example/x>',
  '<link rel=icon href=//evil.example>',
  '<style>*{display:none}</style>',
  '<style>@import "//evil.example"</style>',
  '<p style=background:url(//evil.example)',
  '"style="display:none',
  'url(//evil.example/x)',
  '<svg><use href=//evil.example/x#y>',
  '<iframe src=//evil.example>',
  // Out of an attribute.
  '" onmouseover="hit()',
  "' onmouseover='hit()",
  '" autofocus onfocus="hit()',
  '` onmouseover=hit() `',
  '"><b>x',
  '"/><p>x',
  '\\"><b>x',
  // Templates, patterns and code.
  '{{constructor.constructor("hit()")()}}',
  '${hit()}',
  '#{hit()}',
  '<%= hit() %>',
  '{%import os%}',
  '{name}',
  '$& $1 $` $\u0027',
  "';hit();'",
  '";hit();"',
  '`;hit();`',
  "');hit();//",
  '\\u003cscript\\u003ehit()\\u003c/script',
  '%3Cscript%3Ehit()%3C/script%3E',
  '&lt;script&gt;hit()&lt;/script&gt;',
  '&#60;script&#62;hit()&#60;/script&#62;',
  '\uFF1Cscript\uFF1Ehit()\uFF1C/script\uFF1E',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  '[object Object]',
  '{"__proto__":{"x":1}}',
  "' OR '1'='1",
  "'; DROP TABLE room; --",
  '=cmd|\u0027/c calc\u0027!A1',
  '=HYPERLINK("//evil.example","x")',
  '../../etc/passwd',
  '%00',
  '%s%n%x',
  '<!--',
  '<![CDATA[',
  '<?xml version="1.0"?>',
  '<!DOCTYPE html>',
]

/** Nothing of `INJECTIONS` was taken for anything but text on this page, so far. */
export async function assertInert(page: TestPage, origin: string): Promise<void> {
  const found = await page.evaluate<string[]>(`(() => {
    const wrong = globalThis.__hit > 0 ? ['a script ran'] : []
    const foreign = [
      'img[src=x]', 'img:not([src])', '[src*="evil"]', 'iframe', 'object', 'embed', 'base', 'marquee', 'style', 'math', 'form[action]', '[formaction]', '[srcdoc]', '[style*=evil]',
      'script:not([src])', '[href*="evil"]', 'meta[http-equiv=refresh]', 'animate', 'set', 'use', 'b', 'x',
      'custom-element', 'a[href^="javascript" i]', 'a[href^="data" i]',
    ]
    for (const selector of foreign) {
      if (document.querySelector(selector) !== null) wrong.push('there is ' + selector)
    }
    for (const element of document.querySelectorAll('*')) {
      for (const { name } of element.attributes) if (name.startsWith('on')) wrong.push(element.localName + ' has ' + name)
    }
    return wrong
  })()`)
  assert.deepEqual(found, [])
  const own = new URL(origin).host
  assert.deepEqual([...page.origins].filter((each) => new URL(each).host !== own), [])
}

/** For `PageOptions.before`: counts whatever an injected text runs. */
export const COUNT_HITS = 'globalThis.__hit = 0; globalThis.hit = () => { globalThis.__hit += 1 }'
