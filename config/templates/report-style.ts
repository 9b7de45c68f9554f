/**
 * The style sheet of report.html. A module rather than a .css file, so that the page can be made without reading a disk.
 *
 * --q0 … --q6 are the sequential colour scale of maps: points at equal distances on a curve in OKLab, so that equal steps
 * look equal; they run away from the page's colour in both schemes. Text has a contrast of at least 4.5 in both.
 */
export const REPORT_STYLE = `
:root{color-scheme:light;
--page:#fff;--raised:#f5f7f8;--ink:#182026;--muted:#57636c;--line:#d9dfe3;--hair:#e9edf0;
--accent:#105384;--accent-soft:#e3eef5;--warm:#b4480c;--warn-bg:#fdf0e4;--warn-ink:#7d3105;--grey:#6f7d87;
--none:#d3d6d9;--edge:#fff;--top:#d2420a;
--q0:#ddf4e1;--q1:#9edace;--q2:#68bbbb;--q3:#3c99a9;--q4:#1b7697;--q5:#105384;--q6:#162f72}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;
--page:#12161a;--raised:#1a2026;--ink:#e6ebee;--muted:#9aa7b0;--line:#333d45;--hair:#242c33;
--accent:#6cc3c9;--accent-soft:#17323a;--warm:#f0955a;--warn-bg:#38220f;--warn-ink:#ffc796;--grey:#8b99a3;
--none:#4b545c;--edge:#12161a;--top:#ff8b4d;
--q0:#232d45;--q1:#1b5062;--q2:#1b737c;--q3:#379793;--q4:#65baa6;--q5:#9bdbb2;--q6:#d7f8b8}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1080px;padding:40px 32px 56px;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif}
h1,h2,h3,p,dl,dd,ul,figure{margin:0;padding:0}
h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.015em;text-wrap:balance}
h2{font-size:20px;line-height:1.3;font-weight:650;letter-spacing:-.01em;padding-top:14px;border-top:2px solid var(--ink);margin-bottom:14px}
h3{font-size:15px;font-weight:650;margin:0 0 4px}
h3 code{font-weight:400;margin-left:6px}
section{margin-top:48px}
section.output{margin-top:28px}
h2+section.output{margin-top:0}
code{font:.87em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
small,.muted{color:var(--muted)}
.kicker{font:600 13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;color:var(--accent);margin-bottom:4px}
.lead{color:var(--muted);max-width:72ch;margin-top:8px;overflow-wrap:anywhere}
.banner{background:var(--warn-bg);color:var(--warn-ink);border-left:4px solid var(--warm);padding:10px 14px;margin-bottom:24px;border-radius:2px}
.banner strong{letter-spacing:.04em;margin-right:10px}
h1,h3,.verdict,.notes li,caption{overflow-wrap:anywhere}
.facts{display:flex;flex-wrap:wrap;gap:10px 32px;margin-top:20px}
.facts dt,.figures dt{font-size:12.5px;color:var(--muted)}
.facts dd{font-variant-numeric:tabular-nums}
.facts>div{min-width:0;overflow-wrap:anywhere}
.outcome{font-weight:650}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:1px;margin-top:24px;background:var(--line);border:1px solid var(--line);border-radius:6px;overflow:hidden}
.figures>div{background:var(--page);padding:14px 18px 12px}
.figures dd{font-size:28px;line-height:1.25;font-weight:600;letter-spacing:-.015em;font-variant-numeric:tabular-nums}
.figures small{display:block;font-size:12.5px;line-height:1.4;font-weight:400;letter-spacing:0}
nav{display:flex;flex-wrap:wrap;gap:4px 22px;margin-top:20px;font-size:14px}
a{color:var(--accent);text-underline-offset:3px}
nav a{text-decoration:none;padding:4px 0}
nav a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.verdict{font-size:16px;background:var(--accent-soft);border-left:4px solid var(--accent);padding:10px 14px;border-radius:2px;margin-bottom:10px}
header .verdict{margin:16px 0 0}
.verdict.warn{background:var(--warn-bg);color:var(--warn-ink);border-color:var(--warm)}
.notes{padding-left:20px;margin-bottom:12px;max-width:78ch}
.scroll{overflow-x:auto;margin:12px -8px 0;padding:0 8px}
.scroll+.scroll{margin-top:28px}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.4;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);font-size:13.5px;padding-bottom:8px}
th,td{text-align:left;padding:6px 12px;border-bottom:1px solid var(--hair);vertical-align:baseline;unicode-bidi:isolate}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
td:first-child.num,th:first-child.num{width:1%}
thead th{font-size:12.5px;font-weight:600;color:var(--muted);border-bottom:1px solid var(--line);vertical-align:bottom;white-space:nowrap}
thead small{display:block;font-weight:400;font-size:12px;white-space:normal}
tbody th{font-weight:500}
td.num,th.num{text-align:right}
td.num{white-space:nowrap}
td.wide{min-width:280px;overflow-wrap:anywhere}
td:not(.num),tbody th{overflow-wrap:break-word;max-width:420px}
td.aside{color:var(--warm);font-weight:600}
tr.more td{color:var(--muted);border-bottom:0}
tr.champion th,tr.champion td{background:var(--accent-soft)}
tr.champion th:first-child{box-shadow:-8px 0 var(--accent-soft)}
tr.champion td:last-child{box-shadow:8px 0 var(--accent-soft)}
tbody strong{font-weight:750}
.judge{font-size:11px;font-weight:600;color:var(--accent);border:1px solid var(--accent);border-radius:3px;padding:0 4px;margin-left:2px;white-space:nowrap}
.role{font-size:12.5px;color:var(--muted)}
.role.champion{color:var(--accent);font-weight:650}
.role.baseline{color:var(--warm)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:36px;margin-top:32px;align-items:start}
figcaption{font-weight:600;font-size:14px;margin-bottom:10px}
figcaption small{display:block;font-weight:400;font-size:13px}
svg{display:block;width:100%;height:auto;font-size:12.5px;font-variant-numeric:tabular-nums}
svg text{fill:var(--ink)}
svg .strong{font-weight:650}
svg .tick,svg .grid text,svg .axis{fill:var(--muted);font-size:12px}
.grid line{stroke:var(--hair);stroke-width:1}
.chart path{fill:none;stroke-width:2;stroke-linejoin:round}
.chart line.champion,.chart path.champion{stroke:var(--accent);stroke-width:3}
.chart line.baseline,.chart path.baseline{stroke:var(--warm);stroke-width:2}
.chart line.model,.chart path.model{stroke:var(--grey);stroke-width:2}
.chart .n1{stroke-dasharray:7 4}
.chart .n2{stroke-dasharray:2 3}
.chart line.random{stroke:var(--muted);stroke-width:1;stroke-dasharray:1 3}
.chart line.mark{stroke:var(--accent);stroke-width:1}
.chart circle.champion{fill:var(--accent);stroke:var(--page);stroke-width:2}
.chart path.band,.chart rect.band{fill:var(--accent-soft);stroke:none}
.chart rect{stroke:none}
.chart rect.champion{fill:var(--accent)}
.chart rect.baseline{fill:var(--warm)}
.chart rect.model{fill:var(--grey)}
.areas path{stroke:var(--edge);stroke-width:.35;stroke-linejoin:round}
.borders{fill:none;stroke:var(--page);stroke-width:2;stroke-linejoin:round}
.q0{fill:var(--q0)}.q1{fill:var(--q1)}.q2{fill:var(--q2)}.q3{fill:var(--q3)}.q4{fill:var(--q4)}.q5{fill:var(--q5)}.q6{fill:var(--q6)}.qnone{fill:var(--none)}
.top circle,circle.top{fill:var(--top);stroke:var(--page);stroke-width:1.2}
footer{margin-top:56px;padding-top:12px;border-top:1px solid var(--line);color:var(--muted);font-size:13px}
@media (max-width:640px){body{padding:24px 16px 40px}h1{font-size:25px}.figures{grid-template-columns:1fr 1fr}.figures dd{font-size:23px}}
@media print{@page{margin:14mm}body{padding:0;max-width:none;font-size:10.5pt}nav{display:none}
section{margin-top:28px}.pair{grid-template-columns:1fr 1fr}figure,tr,.figures,.verdict{break-inside:avoid}h2,h3,caption{break-after:avoid}thead{display:table-header-group}
.scroll{overflow:visible}table{font-size:9pt}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`;
