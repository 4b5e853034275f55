/** The page's style: one typeface of the reader's own system, one colour a module, light, dark and paper. */
export const style = `
:root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#1f2226;--soft:#676b72;--line:#e3e0d9;--hair:#efede7;
--critical:#9c2430;--high:#b4581c;--medium:#7d6a1e;--low:#6b7178;--good:#2f6b4f;
--m0:#7a5a8a;--m1:#2f6690;--m2:#b0703a;--m3:#3d7f6c;--m4:#a34a55;--m5:#66752f;--m6:#4a5a9a;--m7:#7a6a5a}
@media (prefers-color-scheme:dark){:root{--paper:#15171a;--card:#1c1f23;--ink:#e7e4de;--soft:#9a9ea5;--line:#33373c;--hair:#262a2e;
--critical:#f08b93;--high:#e9a06a;--medium:#d6c06a;--low:#a3a8af;--good:#83c6a4;
--m0:#b594c4;--m1:#7db2d9;--m2:#dba26a;--m3:#7fbfa9;--m4:#df8a93;--m5:#b3c07c;--m6:#9aa8e2;--m7:#bcab98}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums;text-rendering:optimizeLegibility}
.page{max-width:1080px;margin:0 auto;padding:56px 32px 96px}
svg.defs{position:absolute}
h1{font-size:34px;line-height:1.2;font-weight:600;letter-spacing:-.015em;margin:6px 0 10px}
h2{font-size:21px;line-height:1.3;font-weight:600;letter-spacing:-.01em;margin:0 0 4px}
h3{font-size:15px;font-weight:600;margin:36px 0 8px;display:flex;align-items:center;gap:9px}
h3 .count{color:var(--soft);font-weight:400}
p{margin:0 0 12px;max-width:70ch}
.lead{font-size:17px;color:var(--ink);max-width:64ch;margin:20px 0 0}
.soft{color:var(--soft)}
.eyebrow{color:var(--soft);margin:0}
section{margin-top:72px}
section>p.soft{margin-bottom:20px}
nav{display:flex;flex-wrap:wrap;gap:4px 22px;margin-top:28px;padding-top:14px;border-top:1px solid var(--line);font-size:14px}
nav a{color:var(--soft);text-decoration:none}nav a:hover{color:var(--ink);text-decoration:underline}
.status{display:inline-flex;align-items:center;gap:8px;font-weight:600}
.status svg{width:16px;height:16px}
.status.succeeded{color:var(--good)}.status.partial{color:var(--high)}.status.failed,.status.cancelled{color:var(--critical)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(120px,1fr));margin:32px 0 0;border:1px solid var(--line);border-radius:10px;background:var(--card);overflow:hidden}
.figures div{padding:16px 18px;box-shadow:-1px 0 0 var(--hair),0 -1px 0 var(--hair)}
.figures dt{color:var(--soft);font-size:13px}
.figures dd{margin:2px 0 0;font-size:22px;font-weight:600;letter-spacing:-.01em;white-space:nowrap}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;vertical-align:top;padding:8px 12px;border-bottom:1px solid var(--hair)}
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}
thead th{font-weight:500;color:var(--soft);font-size:13px;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:bottom}
tbody th{font-weight:500}
tfoot th,tfoot td{font-weight:600;border-top:1px solid var(--line);border-bottom:0}
.number{text-align:right;white-space:nowrap}
.zero{color:var(--soft);opacity:.55}
.nowrap{white-space:nowrap}
.swatch{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:9px;background:var(--c)}
h3 .swatch{margin:0}
.m0{--c:var(--m0)}.m1{--c:var(--m1)}.m2{--c:var(--m2)}.m3{--c:var(--m3)}.m4{--c:var(--m4)}.m5{--c:var(--m5)}.m6{--c:var(--m6)}.m7{--c:var(--m7)}
.mark{width:10px;height:10px;flex:none;fill:currentColor}
.severity{display:inline-flex;align-items:center;gap:7px;font-weight:500;white-space:nowrap}
.critical{color:var(--critical)}.high{color:var(--high)}.medium{color:var(--medium)}.low{color:var(--low)}
.chart{display:block;width:100%;height:auto;margin-top:16px;overflow:visible}
.chart text{fill:var(--soft);font-size:12px;font-family:inherit}
.chart .name{fill:var(--ink);font-size:13px}.chart .inside{fill:var(--paper)}
.chart .rule{stroke:var(--hair);stroke-width:1}.chart .base{stroke:var(--line);stroke-width:1}
.chart .area{fill:var(--c);fill-opacity:.2}.chart .edge{fill:none;stroke:var(--c);stroke-width:1.5;stroke-linejoin:round}
.chart .bar{fill:var(--c)}
.chart .bar.critical{fill:var(--critical);fill-opacity:.9}.chart .bar.high{fill:var(--high);fill-opacity:.72}.chart .bar.medium{fill:var(--medium);fill-opacity:.5}.chart .bar.low{fill:var(--low);fill-opacity:.32}
.legend{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:13px;margin-top:18px}
.filter{display:flex;flex-wrap:wrap;gap:8px 20px;margin:14px 0 0;font-size:14px}
.filter label{display:inline-flex;align-items:center;gap:7px;cursor:pointer}
.filter input{margin:0;accent-color:var(--soft)}
#findings:has(#show-critical:not(:checked)) tr[data-severity=critical],#findings:has(#show-high:not(:checked)) tr[data-severity=high],
#findings:has(#show-medium:not(:checked)) tr[data-severity=medium],#findings:has(#show-low:not(:checked)) tr[data-severity=low],
#findings:has(#show-known:not(:checked)) tr[data-known=true]{display:none}
.list td:first-child{width:96px}.list .kind{width:168px}.list .company{width:84px}.list .amount{width:132px}
.list tr.agent th{padding-top:20px;font-weight:500;color:var(--soft);font-size:13px;border-bottom-color:var(--line)}
.what{text-wrap:pretty;overflow-wrap:anywhere}
.facts{display:block;color:var(--soft);font-size:12.5px;line-height:1.5;margin-top:2px;overflow-wrap:anywhere}
.known{display:inline-block;border:1px solid var(--line);border-radius:4px;padding:0 5px;font-size:12px;color:var(--soft);margin-left:7px;white-space:nowrap}
.wrap{overflow-x:auto}.matrix{white-space:nowrap}
details{border-bottom:1px solid var(--hair)}
summary{display:flex;align-items:baseline;gap:12px;padding:9px 0;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary::before{content:"+";color:var(--soft);width:10px;flex:none}
details[open]>summary::before{content:"−"}
summary .count{margin-left:auto}summary .module{min-width:116px}
details table{margin:0 0 16px 22px;width:calc(100% - 22px);font-size:13px}
footer{margin-top:88px;padding-top:16px;border-top:1px solid var(--line);color:var(--soft);font-size:13px}
footer code{font:inherit}
@media (max-width:700px){.page{padding:28px 18px 56px}h1{font-size:27px}section{margin-top:52px;overflow-x:auto}.chart{min-width:640px}.list .kind,.list .company{width:auto}
.list{min-width:640px}details{overflow-x:auto}details table{min-width:560px}}
@media print{@page{margin:16mm 14mm}
:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#555;--line:#bbb;--hair:#ddd;--critical:#9c2430;--high:#b4581c;--medium:#7d6a1e;--low:#6b7178;--good:#2f6b4f;
--m0:#7a5a8a;--m1:#2f6690;--m2:#b0703a;--m3:#3d7f6c;--m4:#a34a55;--m5:#66752f;--m6:#4a5a9a;--m7:#7a6a5a}
body{font-size:9pt;line-height:1.45;-webkit-print-color-adjust:exact;print-color-adjust:exact}.page{max-width:none;padding:0}
nav,.filter{display:none}section{margin-top:26pt}h1{font-size:20pt}h2{font-size:13pt}h3{font-size:10pt;margin-top:16pt}.lead{font-size:10.5pt}
h2,h3,tr.agent,.legend,section>p.soft{break-after:avoid}tr,svg.chart,.figures{break-inside:avoid}thead{display:table-header-group}
.wrap{overflow:visible}table{font-size:7.5pt}th,td{padding:3.5pt 5pt}thead th{font-size:7.5pt}.facts{font-size:6.8pt;margin-top:0}
.list td:first-child{width:54pt}.list .kind{width:84pt}.list .company{width:44pt}.list .amount{width:70pt}.list tr.agent th{padding-top:9pt;font-size:7.5pt}
.mark{width:6pt;height:6pt}.known{font-size:6.5pt;padding:0 3px}.swatch{width:7pt;height:7pt;margin-right:5pt}
.figures{grid-template-columns:repeat(7,1fr);margin-top:16pt}.figures div{padding:6pt 7pt}.figures dt{font-size:7pt}.figures dd{font-size:11pt}
summary{padding:3.5pt 0}summary::before{content:none!important}footer{margin-top:30pt;font-size:7pt}}
`;
