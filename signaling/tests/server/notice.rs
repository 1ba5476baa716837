//! The privacy notice, as the running server shows it.

use crate::harness::TestServer;

/// Somebody who answers for a server.
pub(crate) const CONTROLLER: &str = "[controller]\nname = \"Lycée des Tilleuls\"\naddress = \"3 place du Marché\"\n\
     dpo = \"dpd@tilleuls.example\"\nsupport = \"assistance@tilleuls.example\"\n\
     hosting_company = \"Rectorat\"\nhosting_country = \"FR\"\n";

#[tokio::test]
async fn r30_the_notice_reads_without_script_in_the_language_asked_for() {
    let server = TestServer::start_with(&format!("trial = false\n{CONTROLLER}")).await;
    for (path, accepted, language) in [
        ("/notice", "", "fr"),
        ("/notice", "en-GB,en", "en"),
        ("/notice?lang=en", "fr", "en"),
        ("/notice?lang=fr", "en", "fr"),
        ("/notice?lang=de&lang=en", "fr", "en"),
    ] {
        let page = server.get(path, &[("accept-language", accepted)]).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.field("content-language"), Some(language), "{path} {accepted}");
        assert!(page.body.contains(&format!("<html lang=\"{language}\">")));
        assert!(!page.body.contains("<script") && !page.body.contains("Serveur d"));
        assert!(page.body.contains("mailto:dpd@tilleuls.example"));
        let pages = env!("PREAU_PAGES_SHA256");
        assert!(pages.is_empty() || page.body.contains(&format!("<code>{pages}</code>")));
        let policy = page.field("content-security-policy").unwrap();
        assert!(policy.contains("style-src 'self'"), "{policy}");
    }
    let style = server.get("/notice.css", &[]).await;
    assert_eq!(style.field("content-type"), Some("text/css; charset=utf-8"));
    assert!(!style.body.contains("url(") && !style.body.contains("@import"));
}

#[tokio::test]
async fn r29_the_notice_says_what_this_server_does() {
    let lines = "trial = false\nroom_days = 77\nincident_days = 123\n\
         incident_recipient = \"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\"";
    let one = TestServer::start_with(&format!("{lines}\n{CONTROLLER}")).await;
    let other = TestServer::start().await;
    for path in ["/notice?lang=fr", "/notice?lang=en"] {
        let said = one.get(path, &[]).await.body;
        assert!(said.contains("77 ") && said.contains("123 "), "{said}");
        let said = other.get(path, &[]).await.body;
        assert!(said.contains("30 ") && !said.contains("123 ") && !said.contains("77 "));
        assert!(said.contains("Serveur d") || said.contains("Trial server"));
    }
}
