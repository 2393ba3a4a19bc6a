//! `getClientFiles`: which files of the browser client an application puts into a page of its own (http-api.md section
//! 3.6). They lie below `assets/css` and `assets/js`; the rest of the client is loaded by these.

use std::sync::LazyLock;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use wire::pnm::{self, StatusCode};

use crate::client::Dist;
use crate::{App, answers, bearer};

/// Style sheets and scripts, by name.
struct Names {
    css: Vec<String>,
    js: Vec<String>,
}

/// For applications.
pub(crate) async fn application(State(app): State<App>) -> Response {
    answer(&app)
}

/// For whoever is in a meeting.
pub(crate) async fn member(State(app): State<App>, request: Request) -> Response {
    match bearer::admit(&app, request).await {
        Ok(_) => answer(&app),
        Err(denied) => denied.into_response(),
    }
}

fn answer(app: &App) -> Response {
    static NAMES: LazyLock<Names> = LazyLock::new(|| {
        let page = Dist::get("index.html").map(|page| page.data).unwrap_or_default();
        names(&String::from_utf8_lossy(&page))
    });
    answers::json(&pnm::GetClientFilesRes {
        status: true,
        msg: "success".into(),
        // As callers know it.
        status_code: StatusCode::UnknownStatus.into(),
        css: NAMES.css.clone(),
        js: NAMES.js.clone(),
        css_files: NAMES.css.clone(),
        js_files: NAMES.js.clone(),
        static_assets_path: app.deps.asset_host.clone(),
    })
}

/// What the client's own page loads. Its build calls these `main`, as embedders expect, and style sheets that they share
/// with others as it likes.
fn names(page: &str) -> Names {
    let loaded = |attribute: &str, folder: &str, extension: &str| {
        let values = page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
        let found = values.filter_map(|value| value.strip_prefix(folder)).filter(|name| name.ends_with(extension));
        let mut names: Vec<String> = found.map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let js = loaded("src=\"", "/assets/js/", ".js");
    let mut css = loaded("href=\"", "/assets/css/", ".css");
    css.reverse();
    Names { css, js }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_page_loads_is_listed_styles_last_first() {
        let page = r#"<link rel="icon" href="/icon.svg" /><script type="module" src="/assets/js/main-B1.js"></script>
            <link rel="modulepreload" crossorigin href="/assets/js/storage-C.js">
            <link rel="stylesheet" href="/assets/css/main-D.css"><link rel="stylesheet" href="/assets/css/storage-E.css">"#;
        let names = names(page);
        assert_eq!(names.css, ["storage-E.css", "main-D.css"]);
        assert_eq!(names.js, ["main-B1.js"]);
    }
}
