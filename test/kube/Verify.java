import java.io.FileInputStream;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Set;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** PKIX validation and the TLS rules of Java: Verify CA.pem CERT.pem client|server, three arguments a certificate. */
class Verify {
    static X509Certificate read(CertificateFactory factory, String path) throws Exception {
        try (var in = new FileInputStream(path)) {
            return (X509Certificate) factory.generateCertificate(in);
        }
    }

    static void check(X509Certificate ca, X509Certificate cert, boolean client) throws Exception {
        var factory = CertificateFactory.getInstance("X.509");
        var parameters = new PKIXParameters(Set.of(new TrustAnchor(ca, null)));
        parameters.setRevocationEnabled(false);
        CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(List.of(cert)), parameters);

        var store = java.security.KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setCertificateEntry("ca", ca);
        var managers = TrustManagerFactory.getInstance("PKIX");
        managers.init(store);
        var manager = (X509TrustManager) managers.getTrustManagers()[0];
        var chain = new X509Certificate[] {cert};
        if (client) {
            manager.checkClientTrusted(chain, "UNKNOWN");
        } else {
            manager.checkServerTrusted(chain, "UNKNOWN");
        }
    }

    public static void main(String[] args) throws Exception {
        var factory = CertificateFactory.getInstance("X.509");
        for (int i = 0; i + 2 < args.length; i += 3) {
            check(read(factory, args[i]), read(factory, args[i + 1]), args[i + 2].equals("client"));
            System.out.println("OK " + args[i + 1]);
        }
    }
}
