//! The web service in programs that read its description: zeep for Python, soap for JavaScript.

use super::super::SetupKind;
use super::super::place::Rights;
use super::super::quote::{Language, Quoted};
use super::super::text::{Draft, Text, put};
use super::FileSetup;

fn python(text: &str) -> Quoted<'_> {
    Quoted(Language::PythonOrGo, text)
}

fn js(text: &str) -> Quoted<'_> {
    Quoted(Language::JavaScript, text)
}

pub(super) fn zeep(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if !s.is_path() {
        return s.put_no_path(out);
    }
    put!(out, "# Into portcullis.py; needs: pip install zeep");
    put!(out, "# Then");
    put!(out, "# chmod 600 portcullis.py");
    put!(out, "# python3 portcullis.py");
    put!(out, "from requests import Session");
    put!(out, "from zeep import Client");
    put!(out, "from zeep.transports import Transport");
    put!(out, "");
    put!(out, "session = Session()");
    put!(out, "session.auth = ({}, {})", python(s.user), python(s.secret()));
    let wsdl = format!("{}?wsdl", s.soap());
    put!(out, "files = Client({}, transport=Transport(session=session)).service", python(&wsdl));
    s.put_bucket_hint(out, "#");
    put!(out, "folder = {}", python(&s.folder()));
    if s.rights() != Rights::Read {
        put!(out, "with open(\"file.txt\", \"rb\") as file:");
        put!(out, "    files.PutFile(path=folder + \"file.txt\", content=file.read())");
    }
    if s.rights() != Rights::Write {
        put!(out, "cursor = None");
        put!(out, "while True:");
        put!(out, "    page = files.ListFolder(path=folder, cursor=cursor)");
        put!(out, "    for entry in page.entry:");
        put!(out, "        print(entry.path, entry.size)");
        put!(out, "    cursor = page.nextCursor");
        put!(out, "    if not cursor:");
        put!(out, "        break");
        put!(out, "with open(\"downloaded.txt\", \"wb\") as file:");
        put!(out, "    file.write(files.GetFile(path=folder + \"file.txt\").content)");
    }
    Draft::file(SetupKind::Code, "portcullis.py")
}

pub(super) fn node(s: &FileSetup<'_>, out: &mut Text) -> Draft {
    if !s.is_path() {
        return s.put_no_path(out);
    }
    let (reads, writes) = (s.rights() != Rights::Write, s.rights() != Rights::Read);
    put!(out, "// Into portcullis.mjs; needs: npm install soap");
    put!(out, "// Then");
    put!(out, "// chmod 600 portcullis.mjs");
    put!(out, "// node portcullis.mjs");
    let files = match s.rights() {
        Rights::Both => "readFile, writeFile",
        Rights::Read => "writeFile",
        Rights::Write => "readFile",
    };
    put!(out, "import {{ {files} }} from \"node:fs/promises\";");
    put!(out, "import soap from \"soap\";");
    put!(out, "");
    let wsdl = format!("{}?wsdl", s.soap());
    put!(out, "const files = await soap.createClientAsync({});", js(&wsdl));
    put!(out, "files.setSecurity(new soap.BasicAuthSecurity({}, {}));", js(s.user), js(s.secret()));
    s.put_bucket_hint(out, "//");
    put!(out, "const folder = {};", js(&s.folder()));
    put!(out, "const path = folder + \"file.txt\";");
    if writes {
        put!(out, "const content = (await readFile(\"file.txt\")).toString(\"base64\");");
        put!(out, "await files.PutFileAsync({{ path, content }});");
    }
    if reads {
        put!(out, "let cursor;");
        put!(out, "do {{");
        put!(out, "  const [page] = await files.ListFolderAsync({{ path: folder, cursor }});");
        put!(out, "  for (const entry of page?.entry ?? []) console.log(entry.path, entry.size);");
        put!(out, "  cursor = page?.nextCursor;");
        put!(out, "}} while (cursor);");
        put!(out, "const [got] = await files.GetFileAsync({{ path }});");
        put!(out, "await writeFile(\"downloaded.txt\", Buffer.from(got.content ?? \"\", \"base64\"));");
    }
    Draft::file(SetupKind::Code, "portcullis.mjs")
}
