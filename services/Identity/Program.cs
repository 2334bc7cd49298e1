using OpsPlatform.Identity;
using OpsPlatform.Identity.Audit;
using OpsPlatform.Identity.Clients;
using OpsPlatform.Identity.Invitations;
using OpsPlatform.Identity.Keys;
using OpsPlatform.Identity.Members;
using OpsPlatform.Identity.Organisations;
using OpsPlatform.Identity.Sessions;
using OpsPlatform.Identity.Users;
using OpsPlatform.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);

builder.AddServiceDefaults("identity");
builder.AddDatabase<IdentityDb>("identity");
builder.AddBus<IdentityDb>("identity");
builder.AddUsers();
builder.AddSessions();

var app = builder.Build();

app.UseServiceDefaults();
app.MapUsers();
app.MapSessions();
app.MapOrganisations();
app.MapMembers();
app.MapInvitations();
app.MapClients();
app.MapAudit();
app.MapKeys();

app.Run();
