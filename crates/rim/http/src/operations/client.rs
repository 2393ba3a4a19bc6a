//! `/auth/getClientFiles` (http-api.md section 3.6).

use axum::routing::post;
use wire::pnm;

use super::{Asked, Group, Operation, answer};
use crate::client_files;

pub(super) const GROUP: Group = Group {
    name: "Client",
    text: "For applications that show the browser client in a page of their own.",
    operations: &[CLIENT_FILES],
};

const CLIENT_FILES: Operation = Operation {
    path: "/getClientFiles",
    id: "getClientFiles",
    summary: "List the files a page must load",
    text: "Scripts lie below `/assets/js/` and are modules, style sheets below `/assets/css/`. Their names change with every \
        version. `static_assets_path` is where they are if not here, where the operator said so. `css` and `js` are older \
        names of `css_files` and `js_files`. The body is signed and otherwise ignored; send `{}`.",
    deprecated: false,
    asked: Asked::Nothing,
    answer: answer::<pnm::GetClientFilesRes>(
        r#"{"status":true,"msg":"success","css":["main-BmHBIPUS.css"],"js":["main-zEQBLct9.js"],"css_files":["main-BmHBIPUS.css"],"js_files":["main-zEQBLct9.js"]}"#,
    ),
    refusals: &[],
    route: || post(client_files::application),
};
