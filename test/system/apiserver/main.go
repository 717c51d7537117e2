// Command kube is a Kubernetes control plane of a size for tests: etcd, the real API server and the two controllers that make pods out of a
// Deployment, in one process on loopback. Called kubectl, or with kubectl as first argument, it is the real kubectl.
//
//	gigastt-kube DIR            keeps everything in DIR, writes DIR/kubeconfig, prints "ready"; ends with SIGTERM or with its standard input
//	gigastt-kube kubectl ...
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/replicaset"
)

func main() {
	if filepath.Base(os.Args[0]) != "kubectl" && len(os.Args) > 1 && os.Args[1] == "kubectl" {
		os.Args = os.Args[1:]
	}
	if filepath.Base(os.Args[0]) == "kubectl" {
		if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err)
		}
		return
	}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gigastt-kube DIR | gigastt-kube kubectl ...")
		os.Exit(2)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}()
	etcd := must(startEtcd(filepath.Join(os.Args[1], "etcd")))
	config, args := must2(apiServer(os.Args[1], etcd.Clients[0].Addr().String()))
	go func() {
		check(control(config))
		fmt.Println("ready")
	}()
	server := app.NewAPIServerCommand()
	server.SetArgs(args)
	code := cli.Run(server)
	etcd.Close()
	os.Exit(code)
}

func startEtcd(dir string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	anywhere := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config.ListenClientUrls, config.ListenPeerUrls = anywhere, anywhere
	return embed.StartEtcd(config)
}

// apiServer returns a client of the server that the arguments will start.
func apiServer(dir, etcd string) (*rest.Config, []string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	listener.Close()
	token, err := randomHex()
	if err != nil {
		return nil, nil, err
	}
	tokens, key, kubeconfig := filepath.Join(dir, "tokens.csv"), filepath.Join(dir, "sa.key"), filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(tokens, []byte(token+",admin,admin,system:masters\n"), 0o600); err != nil {
		return nil, nil, err
	}
	if err := writeKey(key); err != nil {
		return nil, nil, err
	}
	host := "https://127.0.0.1:" + port
	file := clientcmdapi.NewConfig()
	// Its certificate is made at the start and never leaves this machine's loopback.
	file.Clusters["test"] = &clientcmdapi.Cluster{Server: host, InsecureSkipTLSVerify: true}
	file.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: token}
	file.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "admin"}
	file.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*file, kubeconfig); err != nil {
		return nil, nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	return config, []string{
		"--etcd-servers=http://" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port=" + port,
		"--cert-dir=" + filepath.Join(dir, "certs"),
		"--token-auth-file=" + tokens,
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
		"--v=0",
	}, err
}

// control waits for the server and runs the controllers of Deployments and ReplicaSets.
func control(config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for {
		answer, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil && strings.TrimSpace(string(answer)) == "ok" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	shared := informers.NewSharedInformerFactory(client, 0)
	apps, pods := shared.Apps().V1(), shared.Core().V1().Pods()
	deployments, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), pods, client)
	if err != nil {
		return err
	}
	replicas := replicaset.NewReplicaSetController(ctx, apps.ReplicaSets(), pods, client, replicaset.BurstReplicas)
	shared.Start(ctx.Done())
	go deployments.Run(ctx, 1)
	go replicas.Run(ctx, 1)
	return nil
}

func writeKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

func randomHex() (string, error) {
	bytes := make([]byte, 16)
	_, err := rand.Read(bytes)
	return hex.EncodeToString(bytes), err
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func must2[T, U any](first T, second U, err error) (T, U) {
	check(err)
	return first, second
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
