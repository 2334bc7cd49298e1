using Microsoft.Extensions.Options;
using OpsPlatform.ServiceDefaults;
using OpsPlatform.ServiceDefaults.Tickets;
using OpsPlatform.Sync;
using OpsPlatform.Sync.Consistency;
using OpsPlatform.Sync.Feed;
using OpsPlatform.Sync.Health;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("sync");
builder.AddDatabase<SyncDb>("sync", relayConnections: 16);
builder.AddBus<SyncDb>("sync", bus => bus.HearChanges<AppendChangesToFeed>());
builder.AddOperations("sync", work => work.Start(Resync.Kind));

var options = SyncOptions.Read(builder.Configuration);
builder.Services.AddSingleton(Options.Create(options));
builder.Services.AddTicketAuthentication(options.TicketLifetime);
builder.Services.AddSingleton<FeedHub>();
builder.Services.AddSingleton<FeedAdvanced>();
builder.Services.AddSingleton<FeedTrail>();
builder.Services.AddHostedService(services => services.GetRequiredService<FeedTrail>());
builder.Services.AddHostedService<FollowHeads>();
builder.Services.AddSingleton<ForgetFeed>();
builder.Services.AddHostedService(services => services.GetRequiredService<ForgetFeed>());
builder.AddSyncHealth();

var app = builder.Build();

app.UseServiceDefaults();
app.MapFeed();
app.MapSyncHealth();

app.Run();
