import { style } from '../../batch/report/style.ts';

/** The style of the reference: that of the reports, and what only a reference has. */
export const referenceStyle = `${style}
.page{max-width:1180px}
.layout{display:grid;grid-template-columns:210px minmax(0,1fr);gap:0 56px;margin-top:40px}
.layout>nav{position:sticky;top:24px;align-self:start;max-height:calc(100vh - 48px);overflow:auto;display:block;margin:0;padding:0;border:0;line-height:1.9}
.layout>nav a{display:block}
.layout section:first-child{margin-top:0}
.layout section{margin-top:56px;scroll-margin-top:20px}
code,.path,.type{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.call{border:1px solid var(--line);border-radius:10px;background:var(--card);margin:10px 0;overflow:hidden}
.call>summary{display:grid;grid-template-columns:62px minmax(0,1fr) auto;gap:2px 14px;padding:11px 16px;align-items:baseline}
.call>summary::before,.call[open]>summary::before{content:none}
.page a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:3px}
.call>summary .path{overflow-wrap:anywhere;font-size:13.5px}
.call>summary .soft{grid-column:2/-1;font-size:14px}
.call[open]>summary{border-bottom:1px solid var(--hair)}
.call .body{padding:14px 16px 18px}
.call h4{font-size:13px;font-weight:500;color:var(--soft);margin:18px 0 2px}
.call table{margin:0;width:100%;font-size:13.5px}
.call td:first-child,.call th:first-child{width:200px}
.call td p,.noun td p{margin:0}
.method{font:600 12px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--c);letter-spacing:.02em}
.get{--c:var(--m1)}.post{--c:var(--m3)}.put,.patch{--c:var(--m2)}.delete{--c:var(--critical)}
.permission{color:var(--soft);font-size:12.5px;white-space:nowrap;border:1px solid var(--line);border-radius:5px;padding:0 7px}
.type{color:var(--soft)}.type a{color:inherit}
.must::after{content:" *";color:var(--critical)}
.codes{color:var(--soft);font-size:12.5px;overflow-wrap:anywhere}
.noun{margin:0;padding:26px 0 4px;scroll-margin-top:10px}
.noun h3{margin:0 0 6px}
.noun td:first-child{width:200px}
.noun:target h3,.layout section:target h2{text-decoration:underline;text-decoration-color:var(--m1);text-underline-offset:5px}
@media (max-width:820px){.layout{display:block}.layout>nav{position:static;max-height:none;columns:2;margin-bottom:36px}.call>summary{grid-template-columns:52px minmax(0,1fr)}.call>summary .permission{display:none}.call td:first-child,.call th:first-child,.noun td:first-child{width:auto}}
`;
