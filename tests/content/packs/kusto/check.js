// Parses and binds KQL with Microsoft's language service. In comes JSON:
// {"tables": {NAME: {COLUMN: TYPE}}, "queries": {NAME: TEXT}}, out come problems and result columns.
const path = require("path");
const folder = path.join(process.argv[2], "node_modules", "@kusto", "language-service-next");
require(path.join(folder, "bridge.min.js"));
require(path.join(folder, "Kusto.Language.Bridge.min.js"));
const { Symbols, GlobalState, KustoCode } = Kusto.Language;

const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const tables = new (System.Collections.Generic.List$1(Symbols.Symbol).ctor)();
for (const [name, columns] of Object.entries(input.tables)) {
  const schema = Object.entries(columns).map(([column, type]) => `['${column}']:${type}`);
  tables.add(Symbols.TableSymbol.From(`(${schema.join(",")})`).WithName(name));
}
const database = new Symbols.DatabaseSymbol.ctor("tests", tables);
const globals = GlobalState.Default.WithDatabase(database);

const found = {};
for (const [name, text] of Object.entries(input.queries)) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const problems = code.GetDiagnostics();
  const result = { problems: [], columns: {} };
  for (let i = 0; i < problems.Count; i++) {
    const it = problems.getItem(i);
    result.problems.push(`${it.Severity}: ${it.Message}`);
  }
  const columns = code.ResultType && code.ResultType.Columns;
  for (let i = 0; columns && i < columns.Count; i++) {
    result.columns[columns.getItem(i).Name] = columns.getItem(i).Type.Name;
  }
  found[name] = result;
}
process.stdout.write(JSON.stringify(found));
